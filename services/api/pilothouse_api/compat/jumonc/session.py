"""/login, /logout, /scope and the links by which a client finds out its level."""

from typing import TYPE_CHECKING

from starlette.responses import Response

from pilothouse_api.compat.jumonc.levels import Level
from pilothouse_api.compat.jumonc.respond import json_answer, text_answer

if TYPE_CHECKING:
    from pilothouse_api.compat.jumonc.call import Call

SESSION_NAME = "JuMonC session"
UNAUTHORIZED = "Unauthorized"
"""JuMonC answers it with status 200."""


def login(call: "Call") -> Response:
    """Begin a session that may do what the token may, and that dies with it."""
    space = call.space
    visitor = space.access.by_token(call.request) if call.from_own_page else None
    if visitor is None:
        return json_answer("The supplied token is not valid", 400)
    caller, seconds = visitor.caller, space.ports.settings.session_seconds
    minted = space.ports.tokens.mint(
        subject=caller.subject,
        name=SESSION_NAME,
        scopes=caller.scopes,
        restriction=caller.restriction,
        lifetime_seconds=seconds,
        parent=caller,
    )
    answer = json_answer(f"Logged in with scope: {visitor.level.name}")
    space.access.put_session(answer, minted.token, seconds)
    return answer


def logout(call: "Call") -> Response:
    """End the session, if there is one."""
    space = call.space
    visitor = space.access.logged_in(call.request, changes=True)
    if visitor is None:
        return text_answer(UNAUTHORIZED)
    session = space.access.by_session(call.request, changes=True)
    if session is not None:
        caller = session.caller
        space.ports.tokens.revoke(caller.jti, by=caller.subject, caller=caller)
    answer = json_answer(f"Logged out of scope: {visitor.level.name}")
    space.access.drop_session(answer)
    return answer


def scope(call: "Call") -> Response:
    """Tell the level of the session, else of the token."""
    visitor = call.space.access.logged_in(call.request)
    if visitor is None:
        return text_answer(UNAUTHORIZED)
    return json_answer(f"Scope: {visitor.level.name}")


def test_level(call: "Call", level: Level) -> Response:
    """Tell that the level is reached."""
    visitor = call.space.access.logged_in(call.request) or call.visitor
    assert visitor is not None
    text = f"Your scope: {visitor.level.name} gives authorisation to visit the {level.name} scope"
    return json_answer(text)
