"""The stored events, to replay and to show."""

from collections.abc import Sequence

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from pilothouse_common.store.records.fold import fold
from pilothouse_common.store.records.models import Job, StoredEvent
from pilothouse_common.store.records.stored_events import from_row


class EventRepository:
    """Reads events.

    ``seq`` rises in the order of commits: who asks for all after the last seq it saw misses none, and
    what it has seen never gets a neighbour before it.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def newest_seq(self) -> int:
        """Return the seq of the newest event, 0 without any."""
        return self._session.scalar(select(func.max(StoredEvent.seq))) or 0

    def oldest_seq(self) -> int:
        """Return the seq of the oldest event that is kept, 0 without any."""
        return self._session.scalar(select(func.min(StoredEvent.seq))) or 0

    def after(
        self,
        seq: int,
        *,
        limit: int = 500,
        types: Sequence[str] = (),
        cluster: str | None = None,
        job_id: int | None = None,
        hostname: str | None = None,
        user: str | None = None,
        account: str | None = None,
    ) -> list[StoredEvent]:
        """Return the events after ``seq``, the oldest first.

        ``user`` leaves out the events of others' jobs and runs and of jobs whose user is not known (yet),
        ``account`` those of jobs of other accounts; events that are of no job or run stay.
        """
        statement = select(StoredEvent).where(StoredEvent.seq > seq)
        if types:
            statement = statement.where(StoredEvent.type.in_(types))
        if cluster is not None:
            statement = statement.where(StoredEvent.cluster == cluster)
        if job_id is not None:
            statement = statement.where(StoredEvent.job_id == job_id)
        if hostname is not None:
            statement = statement.where(StoredEvent.hostname == hostname)
        if user is not None:
            of_nobody = StoredEvent.job_id.is_(None) & StoredEvent.user.is_(None)
            statement = statement.where((StoredEvent.user == user) | of_nobody)
        if account is not None:
            of_account = exists().where(
                Job.cluster == StoredEvent.cluster,
                Job.job_id == StoredEvent.job_id,
                Job.account == account,
            )
            statement = statement.where(StoredEvent.job_id.is_(None) | of_account)
        return list(self._session.scalars(statement.order_by(StoredEvent.seq).limit(limit)))

    def history(self, job: Job) -> list[StoredEvent]:
        """Return the events that a job was made of, in the order in which it happened."""
        mine = select(StoredEvent).where(
            StoredEvent.cluster == job.cluster, StoredEvent.job_id == job.job_id
        )
        rows = {(row.source, row.event_id): row for row in self._session.scalars(mine)}
        records = fold(from_row(row) for row in rows.values())
        if job.ordinal >= len(records):
            return []  # an event arrived since the job was read; the next reading has it
        return [rows[event.source, event.id] for event in records[job.ordinal].events]
