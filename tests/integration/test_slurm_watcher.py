"""The dispatcher's process against a real Slurm without hooks: every job from submission to its end."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pilothouse_common.contract.events import JOB_STATES

from tests.support.process import Program, eventually, free_port
from tests.support.slurm import Slurm
from tests.support.spooled import SpooledEvents


def dispatcher(slurm: Slurm, spool: Path, log: Path, **settings: str) -> Program:
    return Program(
        [sys.executable, "-m", "pilothouse_dispatcher"],
        log=log,
        env={
            "PILOTHOUSE_BROKER_URL": f"spool:{spool}",
            "PILOTHOUSE_CLUSTER": "testing",
            "PILOTHOUSE_SLURM_URL": slurm.url,
            "PILOTHOUSE_SLURM_JWT_KEY_FILE": str(slurm.jwt_key),
            "PILOTHOUSE_WATCH_INTERVAL_SECONDS": "0.2",
            **settings,
        },
    )


@pytest.fixture(scope="module")
def spool(slurm: Slurm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpooledEvents]:
    """The spool of a dispatcher that watches the shared cluster."""
    directory = tmp_path_factory.mktemp("watcher")
    program = dispatcher(slurm, directory / "spool", directory / "log").start()
    yield SpooledEvents(directory / "spool")
    code = program.stop()
    assert code == 0, program.output()


@pytest.fixture(scope="module", autouse=True)
def overdue_job(slurm: Slurm) -> int:
    """A job beyond its time limit, submitted first: Slurm looks for such only every 30 seconds."""
    job_id = slurm.running(time="5")

    def end() -> bool:  # not in the second in which it started
        slurm.scontrol("update", f"JobId={job_id}", "EndTime=now")
        return True

    eventually(end, within=10, every=0.5)
    return job_id


def test_a_failed_job_is_told_with_slurms_own_facts(slurm, spool):
    job_id = slurm.submit("sleep 1; exit 3", job_name="fails", time="5", comment="mine")

    [finished] = spool.wait(job_id, "job.finished")

    shown = slurm.job(job_id)
    assert (finished.state, finished.exit_code) == ("FAILED", 3) == (shown["JobState"], 3)
    assert f"{finished.end_time:%Y-%m-%dT%H:%M:%S}" == shown["EndTime"]
    assert f"{finished.start_time:%Y-%m-%dT%H:%M:%S}" == shown["StartTime"]
    assert f"{finished.submit_time:%Y-%m-%dT%H:%M:%S}" == shown["SubmitTime"]
    [started] = spool.wait(job_id, "job.started")
    assert started.nodes == [shown["NodeList"]]
    assert (started.name, started.user, started.comment) == ("fails", "pilot1", "mine")
    assert (started.time_limit_seconds, started.partition) == (300, "main")
    assert len(spool.of(job_id, "job.submitted")) >= 1


def test_a_pending_job_tells_why_and_ends_as_cancelled(slurm, spool):
    job_id = slurm.submit("true", hold=True)
    [submitted] = spool.wait(job_id, "job.submitted")

    slurm.cancel(job_id)

    [finished] = spool.wait(job_id, "job.finished")
    assert submitted.reason == "JobHeldUser"
    assert (finished.state, finished.start_time) == ("CANCELLED", None)
    assert spool.of(job_id, "job.started") == []


def test_a_running_job_that_is_cancelled_ends_as_cancelled(slurm, spool):
    job_id = slurm.running()

    slurm.cancel(job_id)

    [finished] = spool.wait(job_id, "job.finished")
    assert finished.state == "CANCELLED"


def test_array_elements_are_told_with_their_index(slurm, spool):
    array_id = slurm.submit("true", array="0-1")

    def indices() -> set[int]:
        found = [spool.of(job_id, "job.finished") for job_id in range(array_id, array_id + 4)]
        data = [event.data for events in found for event in events]
        return {d.array_task_id for d in data if getattr(d, "array_job_id", None) == array_id}

    eventually(lambda: indices() == {0, 1}, within=20)


def test_a_requeued_job_is_told_to_wait_and_to_start_again(slurm, spool):
    job_id = slurm.running('test -n "$SLURM_RESTART_COUNT" || exec sleep 300', requeue=True)
    spool.wait(job_id, "job.started")

    slurm.requeue(job_id)
    slurm.start_again(job_id)

    first, second = spool.wait(job_id, "job.started", 2)
    lost, finished = spool.wait(job_id, "job.finished", 2)
    assert (first.restart_count, second.restart_count) == (0, 1)
    assert (lost.state, lost.start_time) == (None, first.start_time)
    assert (finished.state, finished.start_time) == ("COMPLETED", second.start_time)


def test_every_event_says_a_state_that_the_contract_knows(slurm, spool):
    job_id = slurm.submit("true")
    spool.wait(job_id, "job.finished")

    states = {getattr(event.data, "state", None) for event in spool.all()}
    assert states <= {None, *JOB_STATES}


def test_a_watcher_that_starts_anew_tells_the_same_facts_under_the_same_ids(slurm, spool, tmp_path):
    job_id = slurm.submit("exit 1")
    spool.wait(job_id, "job.finished")
    program = dispatcher(slurm, tmp_path / "spool", tmp_path / "log").start()
    again = SpooledEvents(tmp_path / "spool")
    again.wait(job_id, "job.finished")

    program.stop()

    for event_type in ("job.started", "job.finished"):
        assert [e.id for e in again.of(job_id, event_type)] == [
            e.id for e in spool.of(job_id, event_type)
        ]


def test_slurmctld_and_slurmrestd_may_go_away_and_come_back(slurm, tmp_path):
    import urllib3

    port = free_port()
    settings = {"PILOTHOUSE_HEALTH_PORT": str(port)}
    program = dispatcher(slurm, tmp_path / "spool", tmp_path / "log", **settings).start()
    http = urllib3.PoolManager(retries=False)

    def ready() -> tuple[int, str]:
        answer = http.request("GET", f"http://127.0.0.1:{port}/readyz", timeout=5)
        return answer.status, answer.data.decode()

    try:
        eventually(lambda: ready()[0] == 200, within=15)
        slurm.slurmrestd.kill()
        eventually(lambda: ready()[0] == 503, within=15)
        assert "slurmrestd" in ready()[1]
        job_id = slurm.submit("true")
        slurm.wait(job_id)

        slurm.start()

        SpooledEvents(tmp_path / "spool").wait(job_id, "job.finished")
        eventually(lambda: ready()[0] == 200, within=15)
    finally:
        http.clear()
        slurm.start()
        assert program.stop() == 0
    assert "Traceback" not in program.output()


def test_without_a_slurm_it_idles_and_says_so(tmp_path):
    program = Program(
        [sys.executable, "-m", "pilothouse_dispatcher"],
        log=tmp_path / "log",
        env={"PILOTHOUSE_BROKER_URL": f"spool:{tmp_path}/spool"},
    ).start()
    eventually(lambda: "PILOTHOUSE_SLURM_URL is not set" in program.output(), within=15)

    assert program.stop() == 0


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "PILOTHOUSE_BROKER_URL"),
        ({"PILOTHOUSE_BROKER_URL": "ftp://x"}, "ftp"),
        ({"PILOTHOUSE_BROKER_URL": "memory:"}, "memory"),
        ({"PILOTHOUSE_BROKER_URL": "spool:/x", "PILOTHOUSE_SLURM_URL": "localhost"}, "SLURM_URL"),
        ({"PILOTHOUSE_BROKER_URL": "spool:/x", "PILOTHOUSE_SLURM_URL": "http://localhost:1"}, "TOKEN_FILE"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_one_line_and_exit_code_2(tmp_path, settings, said):
    program = Program(
        [sys.executable, "-m", "pilothouse_dispatcher"], log=tmp_path / "log", env=settings
    ).start()

    eventually(lambda: not program.running, within=15)

    assert program.stop() == 2
    [line] = program.output().splitlines()
    assert line.startswith("error: ")
    assert said in line


def test_a_job_that_runs_out_of_time_ends_as_timeout(spool, overdue_job):
    [finished] = spool.wait(overdue_job, "job.finished", within=60)

    assert finished.state == "TIMEOUT"
