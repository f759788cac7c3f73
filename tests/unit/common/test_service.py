"""The life of a process: readiness, health server, signals, exit codes."""

import json
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pilothouse_common.errors import StoreUnavailable
from pilothouse_common.runtime.health import HealthServer
from pilothouse_common.runtime.service import Check
from prometheus_client import CollectorRegistry, Counter

from tests.support.process import Program, eventually

SCRIPT = """
import sys, threading
from pilothouse_common.errors import ConfigError
from pilothouse_common.runtime.logging import configure_logging
from pilothouse_common.runtime.service import main_of

class Example:
    name = "example"
    def run(self, stop):
        print("running", flush=True)
        if sys.argv[1] == "hang":
            stop.wait()
            print("hanging", flush=True)
            threading.Event().wait()
        if sys.argv[1] == "fail":
            raise RuntimeError("it broke")
        stop.wait()
        print("finished", flush=True)
    def checks(self):
        return {}
    def close(self):
        print("closed", flush=True)

def build():
    if sys.argv[1] == "config":
        raise ConfigError("PILOTHOUSE_X: wrong")
    return Example()

configure_logging("example")
sys.exit(main_of(build))
"""


@contextmanager
def health(checks: dict[str, Check]) -> Iterator[str]:
    registry = CollectorRegistry()
    Counter("pilothouse_batches", "Batches", registry=registry).inc()
    server = HealthServer("127.0.0.1", 0, checks=checks, registry=registry)
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.close()


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.code, exc.read().decode()


def test_readiness_says_which_part_is_not_ready_and_why():
    def broken() -> None:
        raise StoreUnavailable("connection refused")

    with health({"broker": lambda: None, "store": broken}) as url:
        status, body = get(f"{url}/readyz")

    assert status == 503
    assert json.loads(body) == {"broker": "ok", "store": "connection refused"}


def test_health_and_metrics_are_served():
    with health({}) as url:
        assert get(f"{url}/healthz")[0] == 200
        assert get(f"{url}/readyz")[0] == 200
        assert "pilothouse_batches_total 1.0" in get(f"{url}/metrics")[1]
        assert get(f"{url}/other")[0] == 404


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_service_cleanly(tmp_path, signum):
    program = Program([sys.executable, "-c", SCRIPT, "wait"], log=tmp_path / "log").start()
    eventually(lambda: "running" in program.output(), within=20)

    program.signal(signum)
    code = program.wait(within=10)

    assert code == 0
    assert [word for word in ("finished", "closed") if word in program.output()] == [
        "finished",
        "closed",
    ]


def test_signals_that_come_together_are_one(tmp_path):
    program = Program([sys.executable, "-c", SCRIPT, "wait"], log=tmp_path / "log").start()
    eventually(lambda: "running" in program.output(), within=20)

    for signum in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
        program.signal(signum)

    assert program.wait(within=10) == 0
    assert "finished" in program.output()


def test_a_later_second_signal_ends_a_service_that_does_not_stop(tmp_path):
    program = Program([sys.executable, "-c", SCRIPT, "hang"], log=tmp_path / "log").start()
    eventually(lambda: "running" in program.output(), within=20)
    program.signal(signal.SIGTERM)
    eventually(lambda: "hanging" in program.output(), within=20)

    def ended() -> bool:
        program.signal(signal.SIGINT)
        return not program.running

    eventually(ended, within=10, every=0.3)
    assert program.wait(within=1) == 128 + signal.SIGINT


def test_a_failing_service_is_closed_and_exits_1():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "fail"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "closed" in done.stdout
    assert "it broke" in done.stderr


def test_a_wrong_setting_is_one_line_and_exit_2():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "config"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert done.stderr == "error: PILOTHOUSE_X: wrong\n"


def test_threads_of_the_health_server_end_with_it():
    before = threading.active_count()

    with health({}) as url:
        get(f"{url}/healthz")

    eventually(lambda: threading.active_count() <= before, within=5)
