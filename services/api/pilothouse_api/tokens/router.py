"""Routes of tokens."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from pilothouse_api.access.authorize import needs
from pilothouse_api.access.caller import Caller
from pilothouse_api.paging import Cursor, Limit, next_link
from pilothouse_api.ports import Ports, ports_of
from pilothouse_api.tokens import service
from pilothouse_api.tokens.schemas import MintedToken, NewToken, TokenPage
from pilothouse_api.words import Word

router = APIRouter(prefix="/v1/tokens", tags=["tokens"])
PortsDep = Annotated[Ports, Depends(ports_of)]


@router.post("", status_code=201, summary="Mint a narrower token")
def mint_token(wish: NewToken, caller: Annotated[Caller, needs()], ports: PortsDep) -> MintedToken:
    """Make a token from one's own: never wider in scope or restriction, never longer lived.

    It dies with the token it was made from. With ``tokens:manage`` any scope and subject.
    """
    return service.mint(ports, caller, wish)


@router.get("", summary="List tokens")
def list_tokens(
    *,
    request: Request,
    caller: Annotated[Caller, needs()],
    ports: PortsDep,
    subject: Annotated[Word | None, Query(description="whose; others' need tokens:manage")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> TokenPage:
    """List one's own tokens, newest first; with ``tokens:manage`` everybody's."""
    items, after = service.page(ports, caller, subject=subject, limit=limit, cursor=cursor)
    return TokenPage(items=items, next=next_link(request, after))


@router.delete("/{jti}", status_code=204, summary="Revoke a token", response_class=Response)
def revoke_token(
    jti: Annotated[Word, Path(description="its id")],
    caller: Annotated[Caller, needs()],
    ports: PortsDep,
) -> None:
    """End a token and all that were minted from it, within a second.

    One's own, unless it is wider than the token that asks; with ``tokens:manage`` any.
    """
    service.revoke(ports, caller, jti)
