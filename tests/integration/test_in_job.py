"""`pilothouse-standalone job`: four nodes of one allocation under a real mpirun, and how it ends."""

import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pilothouse_common.broker.drain import Drain
from pilothouse_common.broker.memory import MemoryBroker
from pilothouse_common.contract.scopes import BUNDLES
from pilothouse_common.contract.topology import INGEST_EVENTS, INGEST_SAMPLES

from tests.support import provide
from tests.support.brokers import receive
from tests.support.injob import ENVIRONMENT, JOB, InJob, ended
from tests.support.process import Program, eventually, free_port
from tests.support.slurm import private_slurm
from tests.support.stack import Client

pytestmark = pytest.mark.mpi


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def stopped(job: InJob) -> None:
    job.program.kill()
    ended(job)


@pytest.fixture
def four(folder: Path) -> Iterator[InJob]:
    job = InJob(folder)
    try:
        yield job.start()
    finally:
        stopped(job)


def test_four_nodes_are_seen_and_a_killed_one_is_stale_while_every_answer_works(four, folder):
    up = dict.fromkeys(("n0", "n1", "n2", "n3"), "up")
    eventually(lambda: four.states() == up, within=30)
    client = four.client()

    def counted(hostname: str) -> int:
        items = client.get(f"/v1/nodes/{hostname}/series", metrics="cpu_user")["items"]
        return sum(len(series["values"]) for series in items)

    for hostname in up:
        eventually(lambda: counted(hostname) > 1, within=20)  # noqa: B023 asked at once
    (job,) = client.every("/v1/jobs")
    detail = client.get(f"/v1/jobs/{job['job_id']}")
    assert (job["state"], job["cluster"]) == ("RUNNING", "local")
    assert {a["hostname"] for a in detail["allocations"]} == set(up)
    assert stat.S_IMODE(four.tokens_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(four.tokens_file.parent.stat().st_mode) == 0o700
    assert list(four.tokens()) == list(BUNDLES)
    assert four.client("retrieve_data").get("/v1/nodes/n1")["jobs"] == [job["job_id"]]
    with pytest.raises(AssertionError, match="403"):
        four.client("see_links").get("/v1/nodes")
    assert not any(token in four.program.output() for token in four.tokens().values())

    os.kill(four.ranks()["n3"], signal.SIGKILL)

    eventually(lambda: four.states() == {**up, "n3": "stale"}, within=15)
    slowest = 0.0
    for path in ("/v1/nodes", "/v1/nodes/n3", "/v1/nodes/n3/series", f"/v1/jobs/{job['job_id']}"):
        began = time.monotonic()
        client.get(path)
        slowest = max(slowest, time.monotonic() - began)
    assert slowest < 2
    assert four.states() == {**up, "n3": "stale"}

    os.kill(four.ranks()["n0"], signal.SIGTERM)

    four.program.wait(within=20)
    ended(four)
    assert not list(folder.glob("pilothouse-job-*"))
    assert "Traceback" not in four.program.output()


def test_all_ranks_end_with_rank_0_and_the_data_stays_where_it_was_asked_for(folder):
    job = InJob(folder, "--data", str(folder / "data"), "--print-tokens", ranks=2)
    job.start()
    try:
        eventually(lambda: job.states() == {"n0": "up", "n1": "up"}, within=30)
        token = job.tokens()["full"]
        assert f"full: {token}" in job.program.output()

        os.kill(job.ranks()["n0"], signal.SIGTERM)

        assert job.program.wait(within=20) == 0, job.program.output()
        ended(job)
        assert "good-bye" not in job.program.output()
        assert "MPI_ABORT" not in job.program.output()
    finally:
        stopped(job)
    port = free_port()
    later = [
        *JOB[:-1],
        "up",
        "--data",
        str(folder / "data"),
        "--port",
        str(port),
        "--interval",
        "60",
    ]
    standalone = Program(later, log=folder / "later.log").start()
    try:
        standalone.wait_ready(lambda: "open (once" in standalone.output(), within=60)
        client = Client(f"http://127.0.0.1:{port}", token)
        (kept,) = eventually(lambda: client.every("/v1/jobs"), within=20)
        assert kept["state"] == "COMPLETED"
        assert {n["hostname"] for n in client.every("/v1/nodes")} >= {"n0", "n1"}
    finally:
        standalone.kill()


def test_the_launchers_signal_ends_all_and_ranks_of_one_node_are_one_node(folder):
    job = InJob(folder, ranks=2, names=False)
    job.start()
    try:
        eventually(lambda: list(job.states().values()) == ["up"], within=30)

        job.program.signal(signal.SIGTERM)

        job.program.wait(within=20)
        ended(job)
        assert not list(folder.glob("pilothouse-job-*"))
        assert "Traceback" not in job.program.output()
    finally:
        stopped(job)


def test_the_loss_of_rank_0_ends_all(folder):
    job = InJob(folder, ranks=2)
    job.start()
    try:
        os.kill(job.ranks()["n0"], signal.SIGKILL)

        assert job.program.wait(within=20) != 0
        ended(job)
    finally:
        stopped(job)


def test_a_busy_port_is_one_line_and_exit_2_of_every_rank(folder):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        job = InJob(folder, ranks=2, port=port)
        try:
            code = job.program.start().wait(within=60)
            ended(job)
        finally:
            stopped(job)

    assert code == 2
    output = job.program.output()
    assert output.count(f"error: --host 127.0.0.1 --port {port}: cannot listen there") == 1
    assert "Traceback" not in output


def test_without_mpi_the_same_command_serves_one_node_and_tells_others_too(folder):
    environment = {"TMPDIR": str(folder), "PILOTHOUSE_HOSTNAME": "alone", "SLURM_JOB_ID": "4711"}
    environment["PILOTHOUSE_PUBLISH_URL"] = f"spool:{folder}/outside"
    port = free_port()
    command = [*JOB, "--port", str(port), "--interval", "1"]
    program = Program(command, log=folder / "one.log", env=environment)
    job = InJob(folder, port=port)
    job.program = program
    job.start()
    try:
        eventually(lambda: job.states() == {"alone": "up"}, within=30)
        assert job.client().get("/v1/jobs/4711")["state"] == "RUNNING"
        assert program.stop(within=20) == 0
    finally:
        program.kill()

    assert not list(folder.glob("pilothouse-job-*"))
    memory = MemoryBroker()
    with Drain(folder / "outside", memory.publisher()) as drain:
        assert drain.acquire()
        assert drain.drain().delivered > 2
    told = receive(memory.consumer(INGEST_EVENTS, prefetch=10), 2)
    assert {d.message.routing_key for d in told} == {"job.started", "node.reported"}
    assert memory.consumer(INGEST_EVENTS, prefetch=1).receive(0) is None
    (sample,) = receive(memory.consumer(INGEST_SAMPLES, prefetch=1), 1)
    assert sample.message.routing_key == "local.alone"


def test_under_srun_the_job_is_slurms_and_scancel_ends_it():
    provide.program("mpirun", packages=["openmpi-bin", "libpmix-dev"])
    with private_slurm(nodes=1, cluster="testing") as slurm:
        port, output = free_port(), slurm.jobs / "out.txt"
        command = " ".join(
            [*JOB, "--port", str(port), "--interval", "1", "--data", str(slurm.jobs / "data")]
        )
        step = f"srun -n 2 --mpi=pmix sh -c 'PILOTHOUSE_HOSTNAME=m$PMIX_RANK exec {command}'"
        job_id = slurm.submit(
            step, user="root", nodes=1, ntasks=2, output=str(output), job_name="seen"
        )
        job = InJob(slurm.jobs, port=port)
        job.program.log = output
        eventually(lambda: "tokens:" in job.program.output(), within=60)

        eventually(lambda: job.states() == {"m0": "up", "m1": "up"}, within=30)
        found = job.client().get(f"/v1/jobs/{job_id}")
        assert (found["cluster"], found["name"], found["user"]) == ("testing", "seen", "root")
        slurm.cancel(job_id)

        ended(job)
        assert "Traceback" not in job.program.output()


def test_without_an_mpi_library_it_says_so_in_one_line():
    environment = {
        **os.environ,
        "MPI4PY_LIBMPI": "/does/not/exist.so",
        "OMPI_COMM_WORLD_RANK": "0",
        "OMPI_COMM_WORLD_SIZE": "2",
    }

    done = subprocess.run(
        [*JOB, "--port", "0"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environment,
    )

    assert done.returncode == 2
    assert done.stderr.startswith("error: MPI: cannot be used (")
    assert "pilothouse-agent[mpi]" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_wrong_option_is_one_line_and_exit_2():
    for options in (["--port", "70000"], ["--interval", "0"], ["--publish", "kafka://h"]):
        done = subprocess.run(
            [*JOB, *options],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**os.environ, **ENVIRONMENT},
        )
        assert done.returncode == 2
        assert done.stderr.startswith(f"error: {options[0]}")
        assert done.stderr.count("\n") == 1
