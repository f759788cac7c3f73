"""Programs under test as child processes: start, wait until ready, stop, kill, count on nothing else."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def eventually(probe: Callable[[], T], *, within: float, every: float = 0.05) -> T:
    """Return the first true answer of ``probe``; fail after ``within`` seconds with its last one."""
    end = time.monotonic() + within
    while True:
        problem: object
        try:
            answer = probe()
            if answer:
                return answer
            problem = answer
        except Exception as exc:  # noqa: BLE001 the probe may fail until it succeeds
            problem = exc
        if time.monotonic() > end:
            raise AssertionError(f"not within {within} s; last: {problem!r}")
        time.sleep(every)


def free_port() -> int:
    """Return a port that nobody listens on, below the ephemeral range so that it stays free."""
    for port in range(20_000 + os.getpid() % 5_000, 32_000):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if port not in _GIVEN:
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
                _GIVEN.add(port)
                return port
    raise AssertionError("no free port")


_GIVEN: set[int] = set()


def listening(port: int) -> bool:
    """Tell whether something accepts connections on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Program:
    """One child process in a session of its own, its output in a file."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: str | None = None,
    ) -> None:
        self.argv = list(argv)
        self.log = log
        self._env = {**os.environ, **(env or {})}
        self._cwd = cwd
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> "Program":
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=self._env,
                cwd=self._cwd,
                user=self._user,
                start_new_session=True,
            )
        return self

    def wait_ready(self, ready: Callable[[], object], *, within: float) -> "Program":
        def probe() -> bool:
            if not self.running:
                raise SystemExit(f"{self.argv[0]} ended:\n{self.output()[-2000:]}")
            return bool(ready())

        eventually(probe, within=within)
        return self

    def output(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def signal(self, signum: int) -> None:
        if self.running:
            os.killpg(self.pid, signum)

    def stop(self, *, within: float = 10) -> int:
        """SIGTERM, then SIGKILL after the deadline; return the exit code."""
        self.signal(signal.SIGTERM)
        return self._reap(within)

    def wait(self, *, within: float) -> int:
        """Wait until it ends by itself; SIGKILL after the deadline; return the exit code."""
        return self._reap(within)

    def kill(self) -> None:
        """SIGKILL the whole process group."""
        self.signal(signal.SIGKILL)
        self._reap(10)

    def _reap(self, within: float) -> int:
        if self._process is None:
            return 0
        try:
            return self._process.wait(within)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            return self._process.wait(10)


def find_program(name: str, *extra_dirs: str) -> str | None:
    """Return the path of a program on PATH or in the places where Debian hides servers."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *extra_dirs]))
