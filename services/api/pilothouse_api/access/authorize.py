"""The one dependency by which a route says what its caller needs.

``caller: Annotated[Caller, needs("jobs:read")]`` checks the token and its scope, and puts the scope
into the route's OpenAPI security. ``needs()`` without a scope takes any valid token.
"""

from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, SecurityScopes
from pilothouse_common.contract.scopes import SCOPES
from pilothouse_common.errors import Forbidden, Unauthenticated

from pilothouse_api.access import credentials
from pilothouse_api.access.caller import Caller
from pilothouse_api.ports import Ports, ports_of

MISSING = (
    "no token: send `Authorization: Bearer …` or `X-Auth-Token`, or log in; "
    "`pilothouse-api token create` makes the first one"
)


async def authorize(
    *,
    request: Request,
    needed: SecurityScopes,
    ports: Annotated[Ports, Depends(ports_of)],
    by_bearer: Annotated[HTTPAuthorizationCredentials | None, Security(credentials.bearer)],
    by_header: Annotated[str | None, Security(credentials.header)],
    by_cookie: Annotated[str | None, Security(credentials.cookie)],
) -> Caller:
    """Return the caller.

    Raises:
        Unauthenticated: No valid token.
        Forbidden: A valid one without the scope, or a session without its CSRF proof.
    """
    explicit = by_bearer.credentials if by_bearer else by_header
    token = explicit or by_cookie
    if not token:
        raise Unauthenticated(MISSING)
    caller = ports.tokens.remembered(token)
    if caller is None:  # the record store is asked, in a thread
        caller = await run_in_threadpool(ports.tokens.verify, token)
    if not explicit:
        _check_csrf(request, ports, caller)
    for scope in needed.scopes:
        if scope not in caller.scopes:
            raise Forbidden(f"the token has no scope {scope} ({SCOPES[scope]})")
    return caller


def needs(*scopes: str) -> Any:
    """Return the dependency of a route that needs all of these scopes."""
    unknown = set(scopes) - set(SCOPES)
    assert not unknown, unknown
    return Security(authorize, scopes=list(scopes))


def _check_csrf(request: Request, ports: Ports, caller: Caller) -> None:
    if request.method in credentials.SAFE_METHODS:
        return
    in_header = request.headers.get(credentials.CSRF_HEADER, "")
    in_cookie = request.cookies.get(credentials.CSRF_COOKIE, "")
    if not ports.csrf.holds(caller.jti, in_header, in_cookie):
        raise Forbidden(
            f"a session needs the header {credentials.CSRF_HEADER} with the value of the cookie "
            f"{credentials.CSRF_COOKIE}"
        )
