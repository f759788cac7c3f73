"""Routes of logging in and out."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import RedirectResponse

from pilothouse_api.access.authorize import needs
from pilothouse_api.access.caller import Caller
from pilothouse_api.ports import Ports, ports_of
from pilothouse_api.session import service
from pilothouse_api.session.schemas import SessionItem, SessionStart

router = APIRouter(tags=["session"])
PortsDep = Annotated[Ports, Depends(ports_of)]


@router.get(
    "/login",
    status_code=303,
    summary="Open a session with a one-time link",
    response_class=RedirectResponse,
)
def login(
    code: Annotated[str, Query(min_length=1, max_length=255, description="works once")],
    ports: PortsDep,
) -> Response:
    """Use a one-time code up, set the session cookies and go to the page."""
    response = RedirectResponse("/", 303)
    service.open_by_code(ports, response, code)
    return response


@router.post("/v1/session", summary="Exchange a token for a session")
def open_session(start: SessionStart, response: Response, ports: PortsDep) -> SessionItem:
    """Set the session cookies of a browser in exchange for a pasted token."""
    return _item(service.open_by_token(ports, response, start.token))


@router.get("/v1/session", summary="Who am I?")
def show_session(caller: Annotated[Caller, needs()]) -> SessionItem:
    """Say whose token or session this is and what it may do."""
    return _item(caller)


@router.delete("/v1/session", status_code=204, summary="Log out", response_class=Response)
def close_session(caller: Annotated[Caller, needs()], response: Response, ports: PortsDep) -> None:
    """End the session (or the token) that asks, and all that were minted from it."""
    service.close(ports, response, caller)


def _item(caller: Caller) -> SessionItem:
    return SessionItem(
        subject=caller.subject,
        scopes=sorted(caller.scopes),
        restriction=msgspec.to_builtins(caller.restriction),
        expiry_time=caller.expiry_time,
    )
