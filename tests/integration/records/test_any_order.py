"""1,000 jobs' events, shuffled, doubled, a third of the starts after the ends, from three workers."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from queue import Empty, SimpleQueue

import pytest
from pilothouse_common.contract.events import Event
from pilothouse_common.errors import StoreUnavailable
from pilothouse_common.store.records import (
    EventRepository,
    Job,
    Records,
    StoredEvent,
    record_events,
)
from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

from tests.support.job_stories import batches, starts_after_ends, tell_stories

NOW = datetime(2026, 12, 24, tzinfo=UTC)
SEED = 20261120


@pytest.mark.timeout(400)
def test_every_record_is_exactly_right(records: Records) -> None:
    rng = random.Random(SEED)
    stories = tell_stories(rng, 1000)
    events = [event for story in stories for event in story.events]
    waiting: SimpleQueue[list[Event]] = SimpleQueue()
    for batch in batches(rng, starts_after_ends(rng, events), largest=400):
        waiting.put(batch)

    begun = time.monotonic()
    with ThreadPoolExecutor(3) as pool:
        counts = [job.result() for job in [pool.submit(_work, records, waiting) for _ in range(3)]]
    seconds = time.monotonic() - begun

    print(f"\n{2 * len(events)} deliveries of {len(events)} events in {seconds:.1f} s")
    assert sum(counts) == len(events)
    found = _all_jobs(records)
    for story in stories:
        jobs = found.pop(story.job_id)
        assert len(jobs) == len(story.expected)
        for job, expected in zip(jobs, story.expected, strict=True):
            assert {name: getattr(job, name) for name in expected.values} == expected.values
            assert {
                (a.hostname, a.restart, a.start_time, a.end_time, tuple(a.gpu_ids))
                for a in job.allocations
            } == expected.allocations
    assert found == {}
    with records.reading() as session:
        assert session.scalar(select(func.count()).select_from(StoredEvent)) == len(events)
        nobody = select(func.count()).where(StoredEvent.user.is_(None))
        assert session.scalar(nobody) == 0
        repository = EventRepository(session)
        for story in rng.sample(stories, 20):
            for job, expected in zip(_jobs_of(session, story.job_id), story.expected, strict=True):
                history = repository.history(job)
                assert {event.event_id for event in history} == expected.event_ids


def _work(records: Records, waiting: "SimpleQueue[list[Event]]") -> int:
    stored = 0
    while True:
        try:
            batch = waiting.get_nowait()
        except Empty:
            return stored
        while True:
            try:
                with records.session() as session:
                    new = record_events(session, batch, now=NOW)
            except StoreUnavailable:
                continue  # as ingest does: the same batch again
            stored += new
            break


def _all_jobs(records: Records) -> dict[int, list[Job]]:
    found: dict[int, list[Job]] = {}
    with records.reading() as session:
        everything = select(Job).options(selectinload(Job.allocations)).order_by(Job.ordinal)
        for job in session.scalars(everything):
            found.setdefault(job.job_id, []).append(job)
    return found


def _jobs_of(session, job_id: int) -> list[Job]:
    return list(session.scalars(select(Job).where(Job.job_id == job_id).order_by(Job.ordinal)))
