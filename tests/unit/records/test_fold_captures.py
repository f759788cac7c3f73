"""What hooks of real Slurm versions said, told in any order, is recorded as what really happened."""

import random
import re
from datetime import UTC, datetime

import pytest
from pilothouse_agent.hook.environment import Environment
from pilothouse_agent.hook.translate import NothingToSay, translate
from pilothouse_common.contract.events import Event, decode_event
from pilothouse_common.store.records.fold import fold
from pilothouse_common.store.records.outcome import JobRecord

from tests.unit.agent.hook_captures import FIXTURES, VERSIONS

DAY = "2026-11-20"
CALLED = re.compile(r"^# hook=.* time=([\d:]+\.\d{6})", re.MULTILINE)


def told(version: str, story: str) -> list[Event]:
    """Return the events of a recorded story, each told when its hook was really called."""
    text = (FIXTURES / f"hook-env-{version}" / f"{story}.txt").read_text()
    events = []
    for number, block in enumerate(text.split("===== ")[1:]):
        if block.startswith("Srun"):
            continue
        called = CALLED.search(block)
        assert called is not None
        time = datetime.fromisoformat(f"{DAY}T{called[1]}").replace(tzinfo=UTC)
        pairs = (line.partition("=") for line in block.splitlines() if not line.startswith("#"))
        environ = {name.encode(): value.encode() for name, sep, value in pairs if sep}
        try:
            result = translate(
                Environment(environ),
                cluster="lab",
                hostname="ctld",
                now_ns=int(time.timestamp() * 1e6) * 1000,
                unique=f"u{number}",
            )
        except NothingToSay:
            continue
        events.append(decode_event(result.body))
    return events


def recorded(version: str, story: str) -> dict[int, JobRecord]:
    """Fold a story in several orders, which must agree; return its jobs by id."""
    events = told(version, story)
    rng = random.Random(version + story)
    jobs: dict[int, JobRecord] = {}
    for job_id in {event.data.job_id for event in events}:  # type: ignore[attr-defined] # hooks tell of jobs
        mine = [e for e in events if e.data.job_id == job_id]  # type: ignore[attr-defined] # the same
        (jobs[job_id],) = fold(mine)
        for _ in range(20):
            rng.shuffle(mine)
            assert fold([*mine, *mine[:5]]) == [jobs[job_id]]
    return jobs


def seconds(record: JobRecord) -> float:
    start, end = record.values["start_time"], record.values["end_time"]
    assert start is not None
    assert end is not None
    return float((end - start).total_seconds())


@pytest.mark.parametrize("version", VERSIONS)
def test_a_job_that_exits_with_3_failed_with_3(version: str) -> None:
    (job,) = recorded(version, "single").values()

    assert (job.values["state"], job.values["exit_code"]) == ("FAILED", 3)
    assert (job.values["num_nodes"], len(job.allocations)) == (1, 1)
    assert job.values["restart_count"] == 0


@pytest.mark.parametrize("version", VERSIONS)
def test_a_job_on_two_nodes_has_two_allocations(version: str) -> None:
    (job,) = recorded(version, "multinode").values()

    assert job.values["state"] == "COMPLETED"
    assert [a.hostname for a in job.allocations] == ["n1", "n2"]
    assert all(a.end_time is not None for a in job.allocations)


@pytest.mark.parametrize("version", VERSIONS)
def test_gpus_are_known_from_the_nodes(version: str) -> None:
    (job,) = recorded(version, "gres").values()

    assert job.values["gpus"] == sum(len(a.gpu_ids) for a in job.allocations)
    assert job.values["gpus"] > 0


@pytest.mark.parametrize("version", VERSIONS)
def test_array_tasks_are_jobs_of_one_array(version: str) -> None:
    jobs = recorded(version, "array").values()

    assert len(jobs) == 2
    assert len({job.values["array_job_id"] for job in jobs}) == 1
    assert len({job.values["array_task_id"] for job in jobs}) == 2


@pytest.mark.parametrize("version", VERSIONS)
def test_a_requeued_job_is_one_job_with_two_starts(version: str) -> None:
    (job,) = recorded(version, "requeued").values()

    assert (job.values["state"], job.values["restart_count"]) == ("COMPLETED", 1)
    assert [(a.hostname, a.restart) for a in job.allocations] == [("n1", 0), ("n1", 1)]
    first, second = job.allocations
    assert first.end_time is not None
    assert second.start_time is not None
    assert (second.start_time - first.end_time).total_seconds() > 60
    assert seconds(job) < 10


@pytest.mark.parametrize("version", VERSIONS)
def test_a_requeued_job_that_has_not_started_again_is_pending(version: str) -> None:
    events = told(version, "requeued")
    first_round = [event for event in events if event.time < min(e.time for e in events[6:])]

    (job,) = fold(first_round)

    assert (job.values["state"], job.values["restart_count"]) == ("PENDING", 1)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_cancelled_job_looks_completed_until_somebody_tells(version: str) -> None:
    (job,) = recorded(version, "cancelled").values()

    assert (job.values["state"], job.values["exit_code"]) == ("COMPLETED", 0)
