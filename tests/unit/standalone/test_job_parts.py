"""Parts of the in-job mode: which job this is, what the guard bears, what the launchers say."""

import signal
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from pilothouse_agent.ranks import launched_ranks
from pilothouse_common.contract.events import JobFinished, JobStarted, decode_event
from pilothouse_standalone.job.allocation import read_allocation
from pilothouse_standalone.job.tee import Tee

NOW = datetime(2026, 11, 26, 1, 2, 3, tzinfo=UTC)
SLURM = {
    "SLURM_JOB_ID": "4711",
    "SLURM_CLUSTER_NAME": "alpha",
    "SLURM_JOB_NAME": "melt",
    "SLURM_JOB_ACCOUNT": "physics",
    "SLURM_JOB_PARTITION": "long",
    "SLURM_JOB_START_TIME": "1795176334",
    "SLURM_JOB_END_TIME": "1795179934",
    "SLURM_RESTART_COUNT": "2",
    "SLURM_ARRAY_JOB_ID": "4700",
    "SLURM_ARRAY_TASK_ID": "11",
}


def started(environ: dict[str, str]) -> JobStarted:
    event = decode_event(read_allocation(environ, NOW).started(["n1", "n2"]).body)
    assert isinstance(event.data, JobStarted)
    return event.data


def test_slurms_environment_is_the_job():
    job = started(SLURM)

    assert (job.cluster, job.job_id, job.name) == ("alpha", 4711, "melt")
    assert (job.account, job.partition, job.restart_count) == ("physics", "long", 2)
    assert (job.array_job_id, job.array_task_id) == (4700, 11)
    assert job.start_time == datetime.fromtimestamp(1795176334, UTC)
    assert job.time_limit_seconds == 3600
    assert (job.nodes, job.num_nodes) == (["n1", "n2"], 2)


def test_pbs_environment_is_the_job():
    job = started(
        {"PBS_JOBID": "123.server.example.org", "PBS_JOBNAME": "flow", "PBS_QUEUE": "short"}
    )

    assert (job.job_id, job.name, job.partition, job.cluster) == (123, "flow", "short", "local")


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"SLURM_JOB_ID": "", "PBS_JOBID": "none"},
        {"SLURM_JOB_ID": "-5", "SLURM_CLUSTER_NAME": "(null)", "SLURM_JOB_START_TIME": "soon"},
        {
            "SLURM_JOB_ID": "9" * 40,
            "SLURM_JOB_NAME": "\udcff" * 9000,
            "SLURM_JOB_END_TIME": "9" * 15,
        },
    ],
)
def test_without_a_job_the_second_of_the_start_is_its_id(environ):
    job = started(environ)

    assert (job.cluster, job.job_id) == ("local", int(NOW.timestamp()))
    assert job.start_time == NOW
    assert job.time_limit_seconds is None
    assert not read_allocation(environ, NOW).known


def test_the_end_is_told_of_the_same_start():
    allocation = read_allocation(SLURM, NOW)

    event = decode_event(allocation.finished(["n1"], NOW).body)

    assert isinstance(event.data, JobFinished)
    assert (event.data.job_id, event.data.start_time) == (4711, allocation.start_time)
    assert event.data.end_time == NOW


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({}, (0, 1)),
        ({"OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_SIZE": "4"}, (3, 4)),
        ({"PMI_RANK": "1", "PMI_SIZE": "2"}, (1, 2)),
        ({"PMIX_RANK": "2", "SLURM_STEP_NUM_TASKS": "8", "SLURM_PROCID": "2"}, (2, 8)),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "4"}, (0, 1)),  # a batch script, not a task
        ({"OMPI_COMM_WORLD_RANK": "x", "OMPI_COMM_WORLD_SIZE": "4"}, (0, 1)),
    ],
)
def test_the_launchers_say_rank_and_size(environ, found):
    assert launched_ranks(environ) == found


GUARD = """
import os, signal, sys, time
from pilothouse_standalone.job.guard import split
joined = split({rank})
if isinstance(joined, int):
    sys.exit(joined)
{then}
"""


def guarded(rank: int, then: str) -> "subprocess.Popen[bytes]":
    code = GUARD.format(rank=rank, then=then)
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@pytest.mark.parametrize(
    ("rank", "then", "code"),
    [
        (1, "joined(); os._exit(0)", 0),
        (1, "joined(); os._exit(3)", 3),
        (1, "os._exit(2)", 2),
        (1, "os.kill(os.getpid(), 9)", 137),
        (0, "joined(); os.kill(os.getpid(), 9)", 137),
        (0, "joined(); os._exit(1)", 1),
    ],
)
def test_the_guard_ends_with_its_rank(rank, then, code):
    with guarded(rank, then) as guard:
        assert guard.wait(20) == code


def test_the_guard_bears_the_loss_of_a_worker_until_it_is_told_to_end():
    with guarded(2, "joined(); os.kill(os.getpid(), 9)") as guard:
        assert guard.stderr is not None
        line = guard.stderr.readline()
        assert line == b"pilothouse: rank 2 is lost (killed by signal 9); the others go on\n"
        assert guard.poll() is None

        guard.send_signal(signal.SIGTERM)

        assert guard.wait(20) == 0


def test_the_guard_passes_signals_on_and_its_own_loss_ends_the_rank():
    block = (
        "signal.signal(signal.SIGTERM, lambda *_: (os.write(1, b'15\\n'), os._exit(0)))\n"
        "joined(); print(flush=True)\n"
        "while True: time.sleep(0.05)"
    )
    with guarded(1, block) as guard:
        assert guard.stdout is not None
        guard.stdout.readline()
        guard.send_signal(signal.SIGTERM)
        assert guard.stdout.readline() == b"15\n"
        assert guard.wait(20) == 0
    with guarded(1, block) as guard:
        assert guard.stdout is not None
        guard.stdout.readline()
        guard.kill()
        assert guard.stdout.readline() == b"15\n"


def test_a_tee_gives_to_both_and_closes_its_own():
    class Keeper:
        def __init__(self) -> None:
            self.got: list[object] = []
            self.closed = False

        def publish(self, messages):
            self.got += messages

        def close(self):
            self.closed = True

    first, second = Keeper(), Keeper()
    message = read_allocation({}, NOW).started([])
    tee = Tee(first, second)

    tee.publish([message])
    tee.close()

    assert first.got == second.got == [message]
    assert (first.closed, second.closed) == (True, False)
