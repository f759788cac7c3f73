"""The in-job mode beside the real JuMonC (from PyPI, in a venv of its own): 4 ranks under one mpirun each.

Both run one after the other. A metric request is the one-minute load of the nodes in JuMonC's own form, asked
of both; below it, ours in the gateway's form. A new connection for every request, as curl does.
"""

import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.report import Figure, progress, show
from tests.support.injob import ENVIRONMENT, JOB, mpirun, own_name
from tests.support.process import Program, eventually, free_port

RANKS = 4
REQUESTS = 200
IDLE_SECONDS = 20.0
_PACKAGES = ("JuMonC", "psutil", "mpi4py")
_TOKEN = "bench"
_ENVIRONMENT = {**ENVIRONMENT, "PYTHONDONTWRITEBYTECODE": ""}
"""Both are measured with their bytecode compiled, as installed programs are."""


@dataclass
class Measured:
    """What one system took."""

    listening_seconds: float
    answering_seconds: float
    request_milliseconds: dict[str, list[float]]
    worker_cpu_percent: float
    root_rss_megabytes: float
    worker_rss_megabytes: float


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="pilothouse-bench-") as folder:
        directory = Path(folder)
        theirs_program = _install(directory)
        ours = _ours(directory)
        theirs = _theirs(directory, theirs_program)
    load = "metric request, median [ms]"
    figures = [
        Figure(
            "start of mpirun to listening [s]",
            ours.listening_seconds,
            theirs.listening_seconds,
            "JuMonC",
            1.0,
        ),
        Figure("the same, alone [s]", ours.listening_seconds, aim=1.0),
        Figure(
            "start of mpirun to the first answer [s]",
            ours.answering_seconds,
            theirs.listening_seconds,
            "JuMonC, listening (asked at once, it loses its main thread)",
        ),
    ]
    peer = theirs.request_milliseconds["load"]
    for name, times in ours.request_milliseconds.items():
        median, late = statistics.median(times), _p95(times)
        figures += [
            Figure(f"{name}: {load}", median, statistics.median(peer), "JuMonC, load"),
            Figure(f"{name}: 95th percentile [ms]", late, _p95(peer), "JuMonC, load"),
        ]
    figures += [
        Figure(
            "load: median, alone [ms]",
            statistics.median(ours.request_milliseconds["load"]),
            aim=5.0,
        ),
        Figure(
            "worker rank, idle [% of a core]",
            ours.worker_cpu_percent,
            theirs.worker_cpu_percent,
            "JuMonC",
        ),
        Figure("the same, alone [% of a core]", ours.worker_cpu_percent, aim=0.3),
        Figure(
            "rank 0, resident memory [MB]",
            ours.root_rss_megabytes,
            theirs.root_rss_megabytes,
            "JuMonC",
        ),
        Figure(
            "worker, resident memory [MB]",
            ours.worker_rss_megabytes,
            theirs.worker_rss_megabytes,
            "JuMonC",
        ),
    ]
    show(f"in-job mode, {RANKS} ranks on one machine", figures)


def _install(directory: Path) -> Path:
    progress("installing JuMonC")
    subprocess.run([sys.executable, "-m", "venv", str(directory / "venv")], check=True)
    python = directory / "venv" / "bin" / "python"
    environment = {**os.environ, **_ENVIRONMENT}
    subprocess.run(
        [str(python), "-m", "pip", "install", "-q", *_PACKAGES],
        check=True,
        env=environment,
        capture_output=True,
    )
    return python.with_name("JuMonC")


def _ours(directory: Path) -> Measured:
    port = free_port()
    # a long interval, so that the idle ranks do nothing but wait; the first samples come within it
    command = [*JOB, "--port", str(port), "--interval", "60", "--data", str(directory / "data")]
    _start_once(
        [mpirun(), "-n", "1", *command], directory / "warm.log", lambda log: "tokens:" in log
    )

    def paths() -> dict[str, str]:
        text = (directory / "data" / "tokens").read_text()
        token = dict(line.split(": ") for line in text.splitlines())["full"]
        return {
            "load": f"/v1/cpu/status/load?token={token}",
            "newest values of a node": f"/v1/nodes/n1\0{token}",
            "series of a node, one hour": f"/v1/nodes/n1/series?metrics=cpu_load\0{token}",
        }

    return _measure(
        [mpirun(), "-n", str(RANKS), *own_name(*command)],
        directory,
        port,
        paths,
        "pilothouse_standalone",
        patient=True,
    )


def _theirs(directory: Path, program: Path) -> Measured:
    port = free_port()
    command = [str(program), "-p", str(port), "--LOCAL_ONLY", f"--USER_DEFINED_TOKEN={_TOKEN}:100"]
    paths = {"load": f"/v1/cpu/status/load?token={_TOKEN}"}
    return _measure(
        [mpirun(), "-n", str(RANKS), *command], directory, port, lambda: paths, str(program)
    )


def _measure(
    argv: list[str],
    directory: Path,
    port: int,
    paths: Callable[[], dict[str, str]],
    word: str,
    *,
    patient: bool = False,
) -> Measured:
    """Measure one system; a patient one may be asked as soon as it listens."""
    progress(f"starting {Path(word).name}")
    program = Program(
        argv, log=directory / f"{Path(word).name}.log", env=_ENVIRONMENT, cwd=directory
    )
    began = time.monotonic()
    program.start()
    try:
        eventually(lambda: _connects(port), within=60, every=0.01)
        listening = time.monotonic() - began
        if patient:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=60).close()
        answering = time.monotonic() - began
        # JuMonC loses its main thread when it is asked before it is ready, and does not say when it is
        eventually(lambda: time.monotonic() - began > 2 * listening + 3, within=60, every=0.1)
        requests: dict[str, list[float]] = {}
        for name, path in paths().items():
            progress(f"asking for {name}")
            eventually(lambda: _ask(port, path), within=150)  # noqa: B023 asked at once
            requests[name] = [_timed(port, path) for _ in range(REQUESTS)]
        workers, root = _ranks(word, program.pid)
        before = sum(map(_cpu_seconds, workers))
        start = time.monotonic()
        progress("doing nothing")
        eventually(
            lambda: time.monotonic() - start > IDLE_SECONDS, within=2 * IDLE_SECONDS, every=0.5
        )
        spent = sum(map(_cpu_seconds, workers)) - before
        percent = 100 * spent / (time.monotonic() - start) / (RANKS - 1)
        return Measured(
            listening, answering, requests, percent, _rss(root), max(map(_rss, workers))
        )
    finally:
        program.signal(signal.SIGTERM)
        program.wait(within=30)


def _start_once(argv: list[str], log: Path, ready: Callable[[str], bool]) -> None:
    """Let the interpreter compile what it loads."""
    program = Program(argv, log=log, env=_ENVIRONMENT).start()
    try:
        eventually(lambda: ready(program.output()), within=120)
    finally:
        program.stop(within=30)


def _connects(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), 1):
        return True


def _ask(port: int, path: str) -> bytes:
    path, _, token = path.partition("\0")
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=20) as answer:
        body: bytes = answer.read()
    json.loads(body)
    return body


def _timed(port: int, path: str) -> float:
    start = time.perf_counter()
    _ask(port, path)
    return 1000 * (time.perf_counter() - start)


def _p95(times: list[float]) -> float:
    return sorted(times)[int(0.95 * len(times))]


def _ranks(word: str, launcher: int) -> tuple[list[int], int]:
    """Return the working processes of the workers and of rank 0: those without children of their own."""
    found: dict[int, int] = {}
    parents: set[int] = set()
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes().decode(errors="replace")
            environ = (entry / "environ").read_bytes().decode(errors="replace")
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, IndexError, ValueError):
            continue
        rank = re.search(r"OMPI_COMM_WORLD_RANK=(\d+)", environ)
        if entry.name.isdigit() and rank and word in command and int(entry.name) != launcher:
            found[int(entry.name)] = int(rank[1])
            parents.add(parent)
    ranks = {rank: pid for pid, rank in found.items() if pid not in parents}
    return [pid for rank, pid in ranks.items() if rank], ranks[0]


def _cpu_seconds(pid: int) -> float:
    """Return the CPU time of all threads, which the scheduler counts in nanoseconds (proc(5))."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def _rss(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) / 1024


if __name__ == "__main__":
    main()
