"""Who did what."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pilothouse_common.store.records.models import AuditEntry
from pilothouse_common.store.records.paging import Order, Page, fetch_page

_NEWEST_FIRST = Order(
    "audit", (AuditEntry.time, AuditEntry.id), (datetime, int), ("time", "id"), True
)


class AuditRepository:
    """Writes and reads the audit trail; entries are never changed."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(
        self, *, time: datetime, subject: str, action: str, target: str, detail: dict[str, Any]
    ) -> None:
        """Note one change, in the transaction that makes it. No secrets in ``detail``."""
        self._session.add(
            AuditEntry(time=time, subject=subject, action=action, target=target, detail=detail)
        )
        self._session.flush()

    def page(
        self,
        *,
        subject: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[AuditEntry]:
        """Return one page, the newest first.

        Raises:
            Malformed: A cursor that this list did not give out.
        """
        statement = select(AuditEntry)
        if subject is not None:
            statement = statement.where(AuditEntry.subject == subject)
        if start is not None:
            statement = statement.where(AuditEntry.time >= start)
        if end is not None:
            statement = statement.where(AuditEntry.time < end)
        return fetch_page(self._session, statement, _NEWEST_FIRST, cursor, limit)
