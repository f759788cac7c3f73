"""A writer killed at any moment leaves whole records, and the same events again complete them."""

import os
import random
import signal
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from pilothouse_common.store.records import Records, StoredEvent, record_events
from sqlalchemy import func, select

from tests.support.consistency import assert_whole
from tests.support.job_stories import starts_after_ends, tell_stories
from tests.support.process import eventually

NOW = datetime(2026, 12, 24, tzinfo=UTC)
JOBS, SEED, BATCH, KILLS = 150, 7, 100, 4

WRITER = f"""
import random, sys
from datetime import UTC, datetime
from pilothouse_common.store.records import Records, record_events
from tests.support.job_stories import starts_after_ends, tell_stories

rng = random.Random({SEED})
events = [event for story in tell_stories(rng, {JOBS}) for event in story.events]
events = starts_after_ends(rng, events)
records = Records(sys.argv[1])
for index in range(0, len(events), {BATCH}):
    with records.session() as session:
        record_events(session, events[index:index + {BATCH}], now=datetime(2026, 12, 24, tzinfo=UTC))
    print("stored", flush=True)
"""


@pytest.mark.timeout(300)
def test_a_killed_writer_leaves_whole_records(records: Records, records_url: str) -> None:
    rng = random.Random(SEED)
    stories = tell_stories(rng, JOBS)
    events = starts_after_ends(rng, [event for story in stories for event in story.events])

    left = []
    for kill in range(KILLS):
        _write_and_kill(records_url, after_batches=1 + 3 * kill, rng=rng)
        left.append(assert_whole(records))
    with records.session() as session:
        record_events(session, events, now=NOW)

    print(f"\nevents stored when the writer was killed: {left} of {len(events) // 2}")
    assert 0 < left[0] <= left[-1] < len(events) // 2
    assert assert_whole(records) == len(events) // 2
    with records.reading() as session:
        twice = select(StoredEvent.event_id).group_by(StoredEvent.event_id)
        assert session.execute(twice.having(func.count() > 1)).all() == []


def _write_and_kill(url: str, *, after_batches: int, rng: random.Random) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        assert writer.stdout is not None
        for _ in range(after_batches):
            assert writer.stdout.readline() == b"stored\n"
        deadline = os.times().elapsed + rng.uniform(0, 0.1)
        eventually(lambda: os.times().elapsed >= deadline, within=2, every=0.001)
        assert writer.poll() is None, "the writer was done before it could be killed"
    finally:
        os.killpg(writer.pid, signal.SIGKILL)
        writer.communicate(timeout=10)
