"""Puts the form into a gateway: below /jumonc, and at the root where old clients look for it."""

import re
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from pilothouse_api.compat.jumonc.catalogue import NOUNS
from pilothouse_api.compat.jumonc.options import PREFIX

_VERSION = re.compile(r"/v0*1(?=/|$)")
_AT_ROOT = re.compile(
    rf"/|/(ping|version|login|logout|scope|stop|all_links|test_auth_\w+|v1(/({'|'.join(NOUNS)})(/.*)?)?|v(?!1(/|$))\d+(/.*)?)"
)


class JumoncRoute(BaseRoute):
    """Takes the requests that are for the form; everything else goes on to the gateway's own routes.

    Args:
        app: Answers them, without the prefix.
        at_root: Whether JuMonC's paths at the root are for it, too. Where both have a path the
            gateway keeps what only it can mean: ``/`` for a browser, ``/login?code=…``.
    """

    def __init__(self, app: ASGIApp, *, at_root: bool) -> None:
        self.path = f"{PREFIX}/{{path:path}}"
        self._app = app
        self._at_root = at_root

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Tell whether a request is for the form; the rest of its path goes on."""
        if scope["type"] != "http":
            return Match.NONE, {}
        path, below = _without_prefix(scope["path"])
        path = _VERSION.sub("/v1", path.rstrip("/") or "/", count=1)
        if below or (self._at_root and _AT_ROOT.fullmatch(path) and not _is_ours(path, scope)):
            return Match.FULL, {"path": path}
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        await self._app(scope, receive, send)


def _without_prefix(path: str) -> tuple[str, bool]:
    """Return a path without the prefix, and whether it had it.

    Twice as well: clients that join the address they were given with a link repeat it.
    """
    below = False
    while path == PREFIX or path.startswith(f"{PREFIX}/"):
        path, below = path.removeprefix(PREFIX), True
    return path or "/", below


def _is_ours(path: str, scope: Mapping[str, object]) -> bool:
    if path == "/":
        return "text/html" in Headers(scope=dict(scope)).get("accept", "")
    query = scope.get("query_string", b"")
    return path == "/login" and isinstance(query, bytes) and query.startswith(b"code=")
