"""What one may do with tokens."""

from pilothouse_common.errors import Forbidden
from pilothouse_common.store.records.models import Token
from pilothouse_common.store.records.tokens import TokenRepository

from pilothouse_api.access.caller import Caller
from pilothouse_api.access.tokens import narrow
from pilothouse_api.ports import Ports
from pilothouse_api.tokens.schemas import MintedToken, NewToken, TokenItem


def mint(ports: Ports, caller: Caller, wish: NewToken) -> MintedToken:
    """Make a child of the caller's token.

    Raises:
        Forbidden: Wider than the caller's.
    """
    subject = wish.subject or caller.subject
    restriction = wish.restriction.value()
    minted = ports.tokens.mint(
        subject=subject,
        name=wish.name,
        scopes=narrow(caller, wish.scopes, restriction, subject),
        restriction=restriction,
        lifetime_seconds=wish.lifetime_seconds,
        parent=caller,
    )
    return MintedToken(token=minted.token, **item_of(minted.row).model_dump())


def page(
    ports: Ports, caller: Caller, *, subject: str | None, limit: int, cursor: str | None
) -> tuple[list[TokenItem], str | None]:
    """Return one page of tokens and the cursor of the next.

    Raises:
        Forbidden: Others' tokens without tokens:manage.
    """
    if "tokens:manage" not in caller.scopes:
        if subject not in (None, caller.subject):
            raise Forbidden("subject: others' tokens need tokens:manage")
        subject = caller.subject
    with ports.records.reading() as session:
        found = TokenRepository(session).page(subject=subject, cursor=cursor, limit=limit)
        return [item_of(row) for row in found.items], found.next_cursor


def revoke(ports: Ports, caller: Caller, jti: str) -> None:
    """End a token of the caller's own that is not wider than this one, or with tokens:manage any.

    Raises:
        NotFound: No such token, or not the caller's, or wider.
    """
    manages = "tokens:manage" in caller.scopes
    ports.tokens.revoke(jti, by=caller.subject, caller=None if manages else caller)


def item_of(row: Token) -> TokenItem:
    """Return the shape of a row."""
    return TokenItem(
        jti=row.jti,
        subject=row.subject,
        name=row.name,
        scopes=row.scopes,
        restriction=row.restriction,
        parent_jti=row.parent_jti,
        created_time=row.created_time,
        expiry_time=row.expiry_time,
        revoked_time=row.revoked_time,
    )
