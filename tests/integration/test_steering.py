"""Compiled programs are read, steered and stopped through the gateway, over RabbitMQ and in one process."""

import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_standalone import Standalone
from tests.support.process import Program, eventually, free_port
from tests.support.programs import build, started
from tests.support.stack import Client, Stack

LANGUAGES = ("c", "fortran", "python")


class Site:
    """A gateway, an agent with a socket, and programs."""

    def __init__(self, client: Client, socket: Path, directory: Path) -> None:
        self.client, self.socket, self.directory = client, socket, directory
        self.programs: list[Program] = []

    def start(self, language: str) -> tuple[Program, str]:
        """Start the page's program; return it and the id of its run."""
        known = {run["run_id"] for run in self.client.every("/v1/runs")}
        command = build(language, self.directory)
        program = started(command, self.socket, self.directory / f"{language}.log")
        self.programs.append(program)

        def found() -> Any:
            runs = self.client.every("/v1/runs", state="running")
            return [run for run in runs if run["run_id"] not in known]

        (run,) = eventually(found, within=30)
        assert (run["name"], run["pid"]) == ("flow", program.pid)
        return program, str(run["run_id"])

    def put(self, run_id: str, name: str, value: object) -> Any:
        body = f'{{"value": {value}}}'.encode()
        return self.client.send("PUT", f"/v1/runs/{run_id}/variables/{name}", body)

    def call(self, run_id: str, name: str, arguments: str = "{}") -> Any:
        body = f'{{"arguments": {arguments}}}'.encode()
        return self.client.send("POST", f"/v1/runs/{run_id}/functions/{name}", body)

    def variable(self, run_id: str, name: str) -> Any:
        return self.client.get(f"/v1/runs/{run_id}/variables/{name}")["value"]

    def close(self) -> None:
        for program in self.programs:
            program.kill()


@contextmanager
def a_site(client: Client, socket: Path, directory: Path) -> Iterator[Site]:
    site = Site(client, socket, directory)
    try:
        yield site
    finally:
        site.close()


@pytest.fixture
def short() -> Iterator[Path]:
    """A directory whose sockets' paths are short enough."""
    with tempfile.TemporaryDirectory(prefix="ph") as directory:
        yield Path(directory)


@pytest.fixture
def on_rabbitmq(stack: Stack, short: Path) -> Iterator[Site]:
    client = stack.start_core()
    start_agent(stack, short / "s")
    with a_site(client, short / "s", short) as site:
        yield site


def start_agent(stack: Stack, socket: Path) -> None:
    agent = stack.start(
        "agent",
        PILOTHOUSE_HOSTNAME="n01",
        PILOTHOUSE_INTERVAL_SECONDS="0.5",
        PILOTHOUSE_SPOOL_DIR=str(stack.directory / "spool"),
        PILOTHOUSE_SIMULATION_SOCKET=str(socket),
    )
    agent.wait_ready(socket.exists, within=30)


def steer_and_stop(site: Site, language: str) -> None:
    program, run_id = site.start(language)

    first = eventually(lambda: site.variable(run_id, "step"), within=10)
    answer = site.put(run_id, "dt", 0.25)
    eventually(lambda: site.variable(run_id, "step") > first, within=15)
    stop = '{"why": "converged"}' if language == "python" else "{}"
    site.call(run_id, "stop", stop)

    assert (answer["value"], answer["unit"], answer["writable"]) == (0.25, "s", True)
    assert program.wait(within=10) == 0
    assert "dt was" in program.output()
    assert ".25" in program.output()
    ended = eventually(lambda: finished(site, run_id), within=15)
    assert ended["reason"] == "it said goodbye"
    with pytest.raises(AssertionError, match=r"409.*goodbye"):
        site.variable(run_id, "dt")


def refusal(site: Site, run_id: str) -> str:
    """Return the problem of a question, "" when it is answered."""
    try:
        site.variable(run_id, "dt")
    except AssertionError as exc:
        return str(exc)
    return ""


def finished(site: Site, run_id: str) -> dict[str, Any]:
    run: dict[str, Any] = site.client.get(f"/v1/runs/{run_id}")
    return run if run["state"] == "finished" else {}


def test_over_rabbitmq_every_language_is_read_steered_and_stopped(on_rabbitmq):
    for language in LANGUAGES:
        steer_and_stop(on_rabbitmq, language)


def test_in_one_process_a_program_is_read_steered_and_stopped(tmp_path, short):
    socket = short / "s"
    standalone = Standalone(tmp_path, "--simulation-socket", str(socket))
    try:
        with a_site(standalone.start(), socket, short) as site:
            steer_and_stop(site, "c")
    finally:
        standalone.program.stop()


def steps(site: Site, run_id: str) -> list[float]:
    """Return the series of the steps."""
    path = f"/v1/runs/{run_id}/series"
    answer = site.client.get(path, variables="step,dt", resolution_seconds=1)
    return next((s["values"] for s in answer["items"] if s["metric"] == "step"), [])


def test_a_program_is_followed_and_kills_on_either_side_are_survived_and_said(on_rabbitmq, stack):
    site = on_rabbitmq
    program, run_id = site.start("c")
    eventually(lambda: len(steps(site, run_id)) >= 3, within=30)
    values = steps(site, run_id)
    assert values == sorted(values)
    assert values[-1] > values[0]
    site.put(run_id, "dt", 0.75)

    stack["agent"].kill()
    eventually(lambda: "409" in refusal(site, run_id), within=15)
    before = time.monotonic()
    assert "no agent takes commands" in refusal(site, run_id)
    assert time.monotonic() - before < 5
    start_agent(stack, site.socket)
    eventually(lambda: site.variable(run_id, "dt") == 0.75, within=30)
    assert program.running

    program.kill()
    ended = eventually(lambda: finished(site, run_id), within=15)
    assert ended["reason"] == "it closed the connection"
    with pytest.raises(AssertionError, match=r"409.*closed the connection"):
        site.variable(run_id, "dt")


@contextmanager
def a_job(directory: Path, *options: str) -> Iterator[tuple[Client, dict[str, str]]]:
    """Run the in-job mode; give a client of its gateway, and the environment of the job."""
    port = free_port()
    own = {"TMPDIR": str(directory), "XDG_RUNTIME_DIR": "", "SLURM_JOB_ID": "4711"}
    words = ("-m", "pilothouse_standalone", "job", "--port", str(port), "--data")
    argv = [sys.executable, *words, str(directory / "data"), *options]
    job = Program(argv, log=directory / "job.log", env=own)
    tokens = directory / "data" / "tokens"
    try:
        job.start().wait_ready(lambda: "full: " in tokens.read_text(), within=60)
        (token,) = re.findall(r"^full: (\S+)", tokens.read_text(), re.MULTILINE)
        socket = directory / f"pilothouse-{os.geteuid()}" / "4711.sock"
        eventually(socket.exists, within=30)
        yield Client(f"http://127.0.0.1:{port}", token), own
    finally:
        job.stop()


def test_inside_a_job_a_program_finds_its_agent_by_itself(short):
    with a_job(short) as (client, own):
        program = Program(build("c", short), log=short / "c.log", env=own).start()
        (run,) = eventually(lambda: client.every("/v1/runs"), within=30)
        client.send("POST", f"/v1/runs/{run['run_id']}/functions/stop", b"{}")

        assert run["job_id"] == 4711
        assert program.wait(within=10) == 0


def test_a_program_inside_a_job_is_steered_from_the_central_gateway_too(stack, short):
    central = stack.start_core()
    publish = ("--publish", stack.broker_url, "--cluster", "alpha")
    with a_job(short, *publish) as (client, own):
        program = Program(build("c", short), log=short / "c.log", env=own).start()
        (run,) = eventually(lambda: central.every("/v1/runs"), within=30)
        path = f"/v1/runs/{run['run_id']}"
        changed = central.send("PUT", f"{path}/variables/dt", b'{"value": 0.125}')
        seen = client.get(f"{path}/variables/dt")
        central.send("POST", f"{path}/functions/stop", b"{}")

        assert (changed["value"], seen["value"]) == (0.125, 0.125)
        assert program.wait(within=10) == 0
