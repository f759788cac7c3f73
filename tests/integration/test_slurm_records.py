"""Hooks and watcher tell of the same jobs of a real Slurm; the record store's fold makes one right record."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pilothouse_agent.hook.__main__ import main
from pilothouse_common.contract.events import JobEvent, JobNodeEvent
from pilothouse_common.store.records.fold import fold
from pilothouse_common.store.records.outcome import JobRecord

from tests.support.process import Program, eventually
from tests.support.slurm import Slurm, directory_for_all_users, private_slurm, require
from tests.support.spooled import SpooledEvents

HOOKS = ("PrologSlurmctld", "EpilogSlurmctld", "Prolog", "Epilog")


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    require()
    with directory_for_all_users() as made:
        yield made


@pytest.fixture(scope="module")
def slurm(directory: Path) -> Iterator[Slurm]:
    arguments = ["--dir", str(directory), "--broker-url", f"spool:{directory}/spool"]
    arguments += ["--state-dir", f"{directory}/state"]
    assert main(["install", *arguments]) == 0
    lines = [f"{name}={directory}/pilothouse-hook\n" for name in HOOKS]
    with private_slurm(cluster="alpha", extra="".join(lines)) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def spool(slurm: Slurm, directory: Path) -> Iterator[SpooledEvents]:
    program = Program(
        [sys.executable, "-m", "pilothouse_dispatcher"],
        log=directory / "watcher.log",
        env={
            "PILOTHOUSE_BROKER_URL": f"spool:{directory}/spool",
            "PILOTHOUSE_CLUSTER": "alpha",
            "PILOTHOUSE_SLURM_URL": slurm.url,
            "PILOTHOUSE_SLURM_JWT_KEY_FILE": str(slurm.jwt_key),
            "PILOTHOUSE_WATCH_INTERVAL_SECONDS": "0.3",
        },
    ).start()
    yield SpooledEvents(directory / "spool")
    assert program.stop() == 0, program.output()


def sources(spool: SpooledEvents, job_id: int, event_type: str) -> set[str]:
    return {event.source.split("/")[3] for event in spool.of(job_id, event_type)}


def record(spool: SpooledEvents, job_id: int, *, ends: int = 1) -> dict[str, Any]:
    """Return the one record of a job, once hook and watcher have both told its last end."""

    def both() -> bool:
        told = [event.source.split("/")[3] for event in spool.of(job_id, "job.finished")]
        assert min(told.count("hook"), told.count("watcher")) >= ends, told
        return True

    eventually(both, within=20)
    [found] = folded(spool, job_id)
    return {**found.values, "hosts": [each.hostname for each in found.allocations]}


def folded(spool: SpooledEvents, job_id: int) -> list[JobRecord]:
    events = [
        event
        for event in spool.all()
        if isinstance(event.data, JobEvent | JobNodeEvent) and event.data.job_id == job_id
    ]
    return fold(events)


def test_a_failed_job(slurm, spool):
    job_id = slurm.submit("sleep 1; exit 3", job_name="fails", time=5)

    job = record(spool, job_id)

    shown = slurm.job(job_id)
    assert (job["state"], job["exit_code"], job["restart_count"]) == ("FAILED", 3, 0)
    assert (job["name"], job["user"], job["time_limit_seconds"]) == ("fails", "pilot1", 300)
    assert job["hosts"] == [shown["NodeList"]]
    assert f"{job['submit_time']:%Y-%m-%dT%H:%M:%S}" == shown["SubmitTime"]
    assert abs(int(f"{job['start_time']:%S}") - int(shown["StartTime"][-2:])) <= 1


def test_a_cancelled_job_is_not_taken_for_a_success(slurm, spool):
    job_id = slurm.running()

    slurm.cancel(job_id)

    assert record(spool, job_id)["state"] == "CANCELLED"


def test_a_job_cancelled_while_pending(slurm, spool):
    job_id = slurm.submit("true", hold=True)
    spool.wait(job_id, "job.submitted")
    [pending] = folded(spool, job_id)
    assert (pending.values["state"], pending.values["reason"]) == ("PENDING", "JobHeldUser")

    slurm.cancel(job_id)

    spool.wait(job_id, "job.finished")
    [job] = folded(spool, job_id)
    assert (job.values["state"], job.values["start_time"]) == ("CANCELLED", None)


def test_a_requeued_job_is_one_job_with_two_runs(slurm, spool):
    job_id = slurm.running('test -n "$SLURM_RESTART_COUNT" || exec sleep 300', requeue=True)
    eventually(lambda: len(sources(spool, job_id, "job.started")) == 2, within=20)
    slurm.requeue(job_id)
    eventually(lambda: len(sources(spool, job_id, "job.finished")) == 2, within=20)
    [waiting] = folded(spool, job_id)
    slurm.start_again(job_id)

    job = record(spool, job_id, ends=2)

    assert waiting.values["state"] == "PENDING"
    assert (job["state"], job["restart_count"]) == ("COMPLETED", 1)
    assert len(job["hosts"]) == 2


def test_a_job_on_two_nodes(slurm, spool):
    job_id = slurm.submit("srun true", nodes=2)

    job = record(spool, job_id)

    assert (job["state"], job["num_nodes"], sorted(job["hosts"])) == ("COMPLETED", 2, ["n1", "n2"])
