"""Opens and closes browser sessions: a session is a token of its own that never leaves the cookie."""

from fastapi import Response
from pilothouse_common.contract.scopes import Restriction

from pilothouse_api.access.caller import Caller
from pilothouse_api.access.credentials import clear_session, set_session
from pilothouse_api.access.tokens import Minted
from pilothouse_api.ports import Ports


def open_by_code(ports: Ports, response: Response, code: str) -> None:
    """Open a session with a one-time code.

    Raises:
        Unauthenticated: The code is used or too old.
    """
    grant = ports.logins.redeem(code)
    minted = ports.tokens.mint(
        subject=grant.subject,
        name="session",
        scopes=grant.scopes,
        restriction=Restriction(),
        lifetime_seconds=ports.settings.session_seconds,
    )
    _put(ports, response, minted)


def open_by_token(ports: Ports, response: Response, token: str) -> Caller:
    """Open a session that may do what a pasted token may, and dies with it.

    Raises:
        Unauthenticated: The token is not valid.
    """
    parent = ports.tokens.verify(token.strip())
    minted = ports.tokens.mint(
        subject=parent.subject,
        name="session",
        scopes=parent.scopes,
        restriction=parent.restriction,
        lifetime_seconds=ports.settings.session_seconds,
        parent=parent,
    )
    _put(ports, response, minted)
    return ports.tokens.verify(minted.token)


def close(ports: Ports, response: Response, caller: Caller) -> None:
    """End the caller's session."""
    ports.tokens.revoke(caller.jti, by=caller.subject, caller=caller)
    clear_session(response, secure=ports.settings.secure_cookies)


def _put(ports: Ports, response: Response, minted: Minted) -> None:
    set_session(
        response,
        minted.token,
        ports.csrf.value_for(minted.row.jti),
        secure=ports.settings.secure_cookies,
        seconds=ports.settings.session_seconds,
    )
