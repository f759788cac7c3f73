"""What one stream reads from the record store: pages after a seq, of what its caller may see."""

from collections.abc import Sequence
from dataclasses import dataclass

from pilothouse_common.contract.events import EVENT_TYPES, JobEvent, JobNodeEvent, RunEvent
from pilothouse_common.errors import Malformed
from pilothouse_common.store.records.database import Records
from pilothouse_common.store.records.events import EventRepository
from pilothouse_common.store.records.models import StoredEvent

from pilothouse_api.access.caller import Caller

PAGE = 500
MAX_REPLAY = 10_000
_JOB_TYPES = tuple(
    name for name, kind in EVENT_TYPES.items() if issubclass(kind, JobEvent | JobNodeEvent)
)
_RUN_TYPES = tuple(name for name, kind in EVENT_TYPES.items() if issubclass(kind, RunEvent))


@dataclass(frozen=True, slots=True)
class LiveQuery:
    """What a stream is about; None and empty: everything."""

    types: Sequence[str] = ()
    cluster: str | None = None
    job_id: int | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Events, the seq up to which everything was looked at, and whether more is there already."""

    events: list[StoredEvent]
    seq: int
    more: bool = False


class Feed:
    """Reads on from where it was.

    Args:
        records: Where the events are.
        caller: Who looks.
        query: At what.
    """

    def __init__(self, records: Records, caller: Caller, query: LiveQuery) -> None:
        self._records = records
        self._query = query
        self._jobs = caller.visible_jobs()
        self._own_cluster = caller.restriction.cluster
        runs = "runs:read" in caller.scopes and caller.sees_runs_by_user
        self._types = _visible_types(
            query.types, jobs=self._jobs is not None, nodes=caller.sees_nodes, runs=runs
        )

    def begin(self, last_id: int | None) -> tuple[int, bool]:
        """Return the seq to read after, and whether the replay had to be given up (``reset``)."""
        with self._records.reading() as session:
            events = EventRepository(session)
            newest, oldest = events.newest_seq(), events.oldest_seq()
        if last_id is None:
            return newest, False
        lost = last_id > newest or last_id + 1 < oldest or newest - last_id > MAX_REPLAY
        return (newest, True) if lost else (last_id, False)

    def read(self, seq: int) -> Batch:
        """Return what came after ``seq``: at most a page."""
        contradiction = (
            self._own_cluster and self._query.cluster and self._own_cluster != self._query.cluster
        )
        visible = self._jobs
        job_id = self._query.job_id
        if visible is not None and visible.job_id is not None:
            contradiction = contradiction or job_id not in (None, visible.job_id)
            job_id = visible.job_id
        with self._records.reading() as session:
            events = EventRepository(session)
            newest = events.newest_seq()
            if contradiction or not self._types or newest <= seq:
                return Batch([], max(seq, newest))
            found = events.after(
                seq,
                limit=PAGE,
                types=self._types,
                cluster=self._own_cluster or self._query.cluster,
                job_id=job_id,
                user=visible.user if visible else None,
                account=visible.account if visible else None,
            )
        if len(found) == PAGE:
            return Batch(found, found[-1].seq, more=True)
        return Batch(found, max(newest, found[-1].seq if found else seq))


def parse_types(text: str | None) -> tuple[str, ...]:
    """Return the event types between commas.

    Raises:
        Malformed: One that does not exist.
    """
    types = tuple(dict.fromkeys(name.strip() for name in (text or "").split(",") if name.strip()))
    for name in types:
        if name not in EVENT_TYPES:
            raise Malformed(f"types: {name[:64]!r} is none of {', '.join(EVENT_TYPES)}")
    return types


def newest_seq(records: Records) -> int:
    """Return the seq of the newest event."""
    with records.reading() as session:
        return EventRepository(session).newest_seq()


def _visible_types(wanted: Sequence[str], *, jobs: bool, nodes: bool, runs: bool) -> list[str]:
    seen = {**dict.fromkeys(_JOB_TYPES, jobs), **dict.fromkeys(_RUN_TYPES, runs)}
    known = [name for name in EVENT_TYPES if seen.get(name, nodes)]
    return [name for name in known if not wanted or name in wanted]
