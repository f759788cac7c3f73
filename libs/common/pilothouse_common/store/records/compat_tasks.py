"""Requests of the JuMonC form that are repeated."""

from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.orm import Session

from pilothouse_common.store.records.compat_answers import AnswerFilter
from pilothouse_common.store.records.compat_models import CompatTask


class CompatTaskRepository:
    """Keeps tasks and says which are due; several processes may run them without doing one twice."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, task: CompatTask) -> int:
        """Keep a task; return its id."""
        self._session.add(task)
        self._session.flush()
        return task.id

    def page(self, wanted: AnswerFilter, *, limit: int) -> list[CompatTask]:
        """Return tasks, the oldest first."""
        statement = select(CompatTask).where(*_seen_by(wanted)).order_by(CompatTask.id)
        return list(self._session.scalars(statement.limit(limit)))

    def count(self, subject: str) -> int:
        """Return how many tasks a subject has."""
        statement = select(func.count()).select_from(CompatTask)
        return self._session.scalar(statement.where(CompatTask.subject == subject)) or 0

    def get(self, task_id: int, wanted: AnswerFilter) -> CompatTask | None:
        """Return one task, if the filter allows it."""
        statement = select(CompatTask).where(CompatTask.id == task_id, *_seen_by(wanted))
        return self._session.scalars(statement).one_or_none()

    def remove(self, task_id: int) -> None:
        """Forget a task. Idempotent."""
        self._session.execute(delete(CompatTask).where(CompatTask.id == task_id))

    def next_time(self) -> datetime | None:
        """Return when the next task is due, of all subjects; None without any."""
        earliest = select(CompatTask).order_by(CompatTask.next_time).limit(1)
        task = self._session.scalars(earliest).one_or_none()
        return task.next_time if task is not None else None

    def claim_due(self, now: datetime, *, until: datetime, limit: int) -> list[CompatTask]:
        """Take tasks that are due and that nobody else runs; a claim ends at ``until``."""
        free = or_(CompatTask.claimed_until.is_(None), CompatTask.claimed_until <= now)
        due = (
            select(CompatTask.id)
            .where(CompatTask.next_time <= now, free)
            .order_by(CompatTask.next_time)
            .limit(limit)
        )
        claimed = (
            update(CompatTask)
            .where(CompatTask.id.in_(due.scalar_subquery()), free)
            .values(claimed_until=until, next_time=until)
            .returning(CompatTask)
            .execution_options(synchronize_session=False)
        )
        return list(self._session.scalars(claimed))

    def finished(
        self, task_id: int, *, at: datetime, next_time: datetime, answer_id: int | None, status: int
    ) -> None:
        """Note the end of one execution; a task that was cancelled meanwhile stays away."""
        values = {"claimed_until": None, "last_time": at, "next_time": next_time}
        self._session.execute(
            update(CompatTask)
            .where(CompatTask.id == task_id)
            .values(**values, last_answer_id=answer_id, http_status=status)
        )


def _seen_by(wanted: AnswerFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.subject is not None:
        conditions.append(CompatTask.subject == wanted.subject)
    if wanted.audience is not None:
        conditions.append(CompatTask.audience == wanted.audience)
    return conditions
