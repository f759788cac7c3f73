"""Tables behind the wire forms of other systems: answers that were given, tasks that repeat."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.schema import Identity

from pilothouse_common.store.records.models import Base, BigInt


class CompatAnswer(Base):
    """One answer of the JuMonC form, found again by its id.

    ``audience`` is a digest of the restriction of the token that asked, empty without one: whoever may
    see less does not read the answers of those who may see more. ``results`` stay empty while an answer
    that takes its time is being made. Ids are never used twice.
    """

    __tablename__ = "compat_answers"
    id: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255))
    audience: Mapped[str] = mapped_column(String(64))
    path: Mapped[str] = mapped_column(String(255))
    time: Mapped[datetime]
    parameters: Mapped[dict[str, Any]]
    results: Mapped[dict[str, Any]]
    __table_args__ = (
        Index("ix_compat_answers_subject", "subject", "id"),
        Index("ix_compat_answers_time", "time"),
        {"sqlite_autoincrement": True},
    )


class CompatTask(Base):
    """One request that is repeated until somebody cancels it or its token ends.

    ``jti`` is the token behind it; the token itself is nowhere. ``claimed_until`` keeps two processes
    from running it at once, and ends by itself when the one that runs it dies.
    """

    __tablename__ = "compat_tasks"
    id: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255))
    audience: Mapped[str] = mapped_column(String(64))
    jti: Mapped[str] = mapped_column(String(64))
    path: Mapped[str] = mapped_column(String(255))
    parameters: Mapped[dict[str, Any]]
    interval_ms: Mapped[int]
    next_time: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    last_time: Mapped[datetime | None]
    last_answer_id: Mapped[int | None]
    http_status: Mapped[int | None]
    __table_args__ = (
        Index("ix_compat_tasks_subject", "subject", "id"),
        Index("ix_compat_tasks_next_time", "next_time"),
        {"sqlite_autoincrement": True},
    )
