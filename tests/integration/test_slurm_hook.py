"""The installed hook in a real Slurm: what its spool tells of each kind of job, and that a broken hook
never delays, fails or drains anything."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pilothouse_agent.hook.__main__ import main

from tests.support.process import eventually
from tests.support.slurm import Slurm, directory_for_all_users, private_slurm, require
from tests.support.spooled import SpooledEvents

HOOK_LINES = """\
PrologSlurmctld={program}
EpilogSlurmctld={program}
Prolog={program}
Epilog={program}
TaskProlog={program}
TaskEpilog={program}
PrologFlags=Alloc
"""


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    require()
    with directory_for_all_users() as made:
        yield made


@pytest.fixture(scope="module")
def spool(directory: Path) -> SpooledEvents:
    path = directory / "spool"
    arguments = ["install", "--dir", str(directory), "--broker-url", f"spool:{path}",
                 "--state-dir", str(directory / "state")]  # fmt: skip
    assert main(arguments) == 0
    return SpooledEvents(path)


@pytest.fixture(scope="module")
def slurm(directory: Path, spool: SpooledEvents) -> Iterator[Slurm]:
    lines = HOOK_LINES.format(program=directory / "pilothouse-hook")
    with private_slurm(nodes=3, gpus=2, cluster="alpha", extra=lines) as cluster:
        yield cluster


def seconds_from_now(moment: datetime) -> float:
    return abs((datetime.now(UTC) - moment).total_seconds())


def test_a_job_that_exits_with_3_is_told_from_start_to_end(slurm, spool):
    job_id = slurm.submit("exit 3", job_name="fails", comment='say "hi"')

    [finished] = spool.wait(job_id, "job.finished")
    [started] = spool.wait(job_id, "job.started")
    assert (finished.exit_code, finished.signal) == (3, None)
    assert (started.cluster, started.name, started.user) == ("alpha", "fails", "pilot1")
    assert started.comment == 'say "hi"'
    assert started.partition == "main"
    assert len(started.nodes) == started.num_nodes == 1
    assert started.start_time <= finished.end_time
    assert seconds_from_now(finished.end_time) < 20
    [node_started] = spool.wait(job_id, "job.node_started")
    [node_finished] = spool.wait(job_id, "job.node_finished")
    assert [node_started.hostname] == started.nodes == [node_finished.hostname]


def test_a_job_that_is_killed_by_a_signal_tells_which(slurm, spool):
    job_id = slurm.submit("kill -SEGV $$")

    [finished] = spool.wait(job_id, "job.finished")

    assert (finished.exit_code, finished.signal) == (0, 11)


def test_array_elements_are_jobs_that_know_their_array(slurm, spool):
    array_id = slurm.submit("true", array="0-1")

    def elements() -> list[Any]:
        found = [
            e.data for job in range(array_id, array_id + 5) for e in spool.of(job, "job.started")
        ]
        return [d for d in found if d.array_job_id == array_id] if len(found) >= 2 else []

    assert {data.array_task_id for data in eventually(elements, within=20)} == {0, 1}


def test_a_job_on_two_nodes_starts_and_ends_on_both(slurm, spool):
    job_id = slurm.submit("true", nodes=2, ntasks_per_node=2)

    [started] = spool.wait(job_id, "job.started")
    on_nodes = spool.wait(job_id, "job.node_started", 2)
    off_nodes = spool.wait(job_id, "job.node_finished", 2)
    assert (started.num_nodes, started.cpus) == (2, 4)
    assert {data.hostname for data in on_nodes} == set(started.nodes)
    assert {data.hostname for data in off_nodes} == set(started.nodes)


def test_a_heterogeneous_job_knows_its_parts(slurm, spool):
    job_id = slurm.submit(
        "#!/bin/sh\n#SBATCH --ntasks=1\n#SBATCH hetjob\n#SBATCH --ntasks=1\ntrue\n"
    )

    [leader] = spool.wait(job_id, "job.started")
    [second] = spool.wait(job_id + 1, "job.started")
    assert (leader.het_job_id, leader.het_job_offset) == (job_id, 0)
    assert (second.het_job_id, second.het_job_offset) == (job_id, 1)


def test_a_gpu_job_tells_its_devices_on_the_node(slurm, spool):
    job_id = slurm.submit("true", gres="gpu:2")

    [node_started] = spool.wait(job_id, "job.node_started")

    assert node_started.gpu_ids == ["0", "1"]


def test_a_cancelled_job_ends_without_a_claim_of_success(slurm, spool):
    job_id = slurm.running()

    slurm.cancel(job_id)

    [finished] = spool.wait(job_id, "job.finished")
    assert finished.state is None


def test_a_requeued_job_starts_and_ends_twice(slurm, spool):
    job_id = slurm.running('test -n "$SLURM_RESTART_COUNT" || exec sleep 300', requeue=True)
    slurm.requeue(job_id)
    spool.wait(job_id, "job.finished")
    slurm.start_again(job_id)

    finished = spool.wait(job_id, "job.finished", 2)
    started = spool.wait(job_id, "job.started", 2)

    assert [data.restart_count for data in started] == [0, 1]
    assert [data.restart_count for data in finished] == [1, 1]
    ids = {event.id for kind in ("job.started", "job.finished") for event in spool.of(job_id, kind)}
    assert len(ids) == 4


def test_an_ordinary_users_task_hook_cannot_write_and_disturbs_nothing(slurm, spool):
    output = slurm.jobs / "task-hook.out"
    job_id = slurm.submit("echo $SLURM_JOB_ID; srun true", output=output)

    slurm.wait(job_id, "COMPLETED")

    assert output.read_text() == f"{job_id}\n"
    assert len(spool.wait(job_id, "job.node_started")) == 1
    owners = {file.owner() for file in (spool.directory / "events").iterdir()}
    assert owners == {"root"}


BROKEN = {
    "spool directory is a file": "broker_url = spool:/dev/null/spool\n",
    "configuration is garbage": "\x00\xff=\n[[[\n",
    "broker is dead": "broker_url = amqp://guest:guest@127.0.0.1:9/\nspool_dir = {spool}\n",
    "broker is a black hole": "broker_url = amqp://guest:guest@10.255.255.1/\nspool_dir = {spool}\n",
    "gateway is dead": "broker_url = https://127.0.0.1:9/\nspool_dir = {spool}\n",
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_hook_neither_delays_nor_fails_a_job_nor_drains_its_node(
    slurm, spool, directory, how
):
    config = directory / "pilothouse-hook.conf"
    before = config.read_text()
    config.write_text(BROKEN[how].format(spool=spool.directory))
    try:
        begin = time.monotonic()
        job_id = slurm.submit("true")
        slurm.wait(job_id, "COMPLETED")
        seconds = time.monotonic() - begin
    finally:
        config.write_text(before)

    # four calls one after the other, each below a second, around a job that needs some time itself
    assert seconds < 10
    states = slurm.scontrol("--oneliner", "show", "node").split()
    assert not [word for word in states if word.startswith("State=") and "DRAIN" in word]
