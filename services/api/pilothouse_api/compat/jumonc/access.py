"""Who is asking: a token in the query (as in JuMonC), in a header, or the session of /login.

A token in the query is accepted nowhere else. GET changes things in JuMonC, so the session's cookie is
``SameSite=Strict``, and does not count for a change that another page asks for (``Sec-Fetch-Site``,
Fetch Metadata): another port of the same host is the same site.
"""

from dataclasses import dataclass

from pilothouse_common.errors import Unauthenticated
from starlette.requests import Request
from starlette.responses import Response

from pilothouse_api.access.caller import Caller
from pilothouse_api.access.tokens import Tokens
from pilothouse_api.compat.jumonc.levels import Level, level_of
from pilothouse_api.compat.jumonc.options import JumoncOptions

COOKIE = "session"
_OWN_PAGES = frozenset({"", "same-origin", "none"})


@dataclass(frozen=True, slots=True)
class Visitor:
    """A caller and the rung of the ladder that it stands on."""

    caller: Caller
    level: Level


class Access:
    """Reads tokens out of requests."""

    def __init__(self, tokens: Tokens, options: JumoncOptions, *, secure: bool) -> None:
        self._tokens = tokens
        self._path = options.prefix or "/"
        self._secure = secure

    def by_token(self, request: Request) -> Visitor | None:
        """Return who sent a token, in the query or else in a header; None without a valid one."""
        in_query = request.query_params.getlist("token")
        return self._visitor(in_query[0] if in_query else _in_header(request))

    def by_session(self, request: Request, *, changes: bool = False) -> Visitor | None:
        """Return whose session it is; None without one, and for a change that another page asks for."""
        if changes and not asked_by_own_page(request):
            return None
        return self._visitor(request.cookies.get(COOKIE))

    def logged_in(self, request: Request, *, changes: bool = False) -> Visitor | None:
        """Return who it is, whatever they may do: the session goes before the token, as in JuMonC."""
        return self.by_session(request, changes=changes) or self.by_token(request)

    def require(self, request: Request, needed: Level, *, changes: bool = False) -> Visitor:
        """Return who may: a token that is too weak leaves it to the session.

        Raises:
            Unauthenticated: Nobody who may.
        """
        for visitor in (self.by_token(request), self.by_session(request, changes=changes)):
            if visitor is not None and visitor.level >= needed:
                return visitor
        raise Unauthenticated("no token of this level")

    def put_session(self, response: Response, token: str, seconds: int) -> None:
        """Put a session into the client."""
        response.set_cookie(
            COOKIE,
            token,
            max_age=seconds,
            path=self._path,
            secure=self._secure,
            httponly=True,
            samesite="strict",
        )

    def drop_session(self, response: Response) -> None:
        """Take the session out of the client."""
        response.delete_cookie(
            COOKIE, path=self._path, secure=self._secure, httponly=True, samesite="strict"
        )

    def _visitor(self, token: str | None) -> Visitor | None:
        if not token:
            return None
        try:
            caller = self._tokens.verify(token)
        except Unauthenticated:
            return None
        level = level_of(caller.scopes)
        return Visitor(caller, level) if level is not None else None


def asked_by_own_page(request: Request) -> bool:
    """Tell whether no page of another origin asks, as far as browsers tell; other programs may."""
    return request.headers.get("sec-fetch-site", "") in _OWN_PAGES


def _in_header(request: Request) -> str | None:
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    return request.headers.get("x-auth-token")
