"""The invariant of the record store: every job row is what the stored events of its id fold to."""

from collections import defaultdict

from pilothouse_common.contract.events import Event
from pilothouse_common.store.records import Job, Records, StoredEvent
from pilothouse_common.store.records.fold import fold
from pilothouse_common.store.records.outcome import JobRecord
from pilothouse_common.store.records.stored_events import from_row
from sqlalchemy import select
from sqlalchemy.orm import selectinload


def assert_whole(records: Records) -> int:
    """Fail unless rows and events agree; return how many events are stored."""
    events: dict[tuple[str, int], list[Event]] = defaultdict(list)
    jobs: dict[tuple[str, int], list[Job]] = defaultdict(list)
    with records.reading() as session:
        stored = session.scalars(select(StoredEvent)).all()
        for job in session.scalars(
            select(Job).options(selectinload(Job.allocations)).order_by(Job.ordinal)
        ):
            jobs[job.cluster, job.job_id].append(job)
    for row in stored:
        if row.job_id is not None:
            events[row.cluster, row.job_id].append(from_row(row))
    assert set(jobs) == set(events)
    for key, told in events.items():
        folded = fold(told)
        assert len(jobs[key]) == len(folded)
        for job, record in zip(jobs[key], folded, strict=True):
            _assert_same(job, record)
    return len(stored)


def _assert_same(job: Job, record: JobRecord) -> None:
    assert {name: getattr(job, name) for name in record.values} == record.values
    assert {
        (a.hostname, a.restart, a.start_time, a.end_time, tuple(a.gpu_ids), a.listed)
        for a in job.allocations
    } == {
        (a.hostname, a.restart, a.start_time, a.end_time, a.gpu_ids, a.listed)
        for a in record.allocations
    }
    assert {a.listed_time for a in job.allocations} <= {job.listed_time}
