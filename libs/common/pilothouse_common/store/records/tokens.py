"""What stands behind tokens: who, what, until when, revoked or not."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from pilothouse_common.store.records.models import Token
from pilothouse_common.store.records.paging import Order, Page, fetch_page

_NEWEST_FIRST = Order(
    "tokens", (Token.created_time, Token.jti), (datetime, str), ("created_time", "jti"), True
)


class TokenRepository:
    """Reads and writes tokens."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, jti: str) -> Token | None:
        """Return a token, revoked or not."""
        return self._session.get(Token, jti)

    def add(self, token: Token) -> None:
        """Keep a new token.

        Raises:
            Conflict: One of this jti exists.
        """
        self._session.add(token)
        self._session.flush()

    def revoke(self, jti: str, *, now: datetime) -> int:
        """Revoke a token and all that were minted from it; return how many were not yet revoked."""
        tree = select(Token.jti).where(Token.jti == jti).cte("tree", recursive=True)
        tree = tree.union(select(Token.jti).join(tree, Token.parent_jti == tree.c.jti))
        changed = self._session.execute(
            update(Token)
            .where(Token.jti.in_(select(tree.c.jti)), Token.revoked_time.is_(None))
            .values(revoked_time=now)
            .returning(Token.jti)
        )
        return len(changed.all())

    def page(
        self, *, subject: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[Token]:
        """Return one page, the newest first.

        Raises:
            Malformed: A cursor that this list did not give out.
        """
        statement = select(Token)
        if subject is not None:
            statement = statement.where(Token.subject == subject)
        return fetch_page(self._session, statement, _NEWEST_FIRST, cursor, limit)
