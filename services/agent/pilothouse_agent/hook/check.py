"""Would an installed hook work here: run it as Slurm would, and look at who may write its spool."""

import os
import stat
import subprocess
import tempfile
import time
from pathlib import Path

from pilothouse_agent.hook.bundle import bundle_name, is_current
from pilothouse_agent.hook.install import PROGRAM, read_installed

ENOUGH_SECONDS = 1.0


def check(directory: Path) -> list[str]:
    """Return what is wrong with the installation; nothing: it works for this user.

    Runs the program with the environment of a first job, its event going into a directory of our own.

    Raises:
        ConfigError: There is no installation, or its configuration cannot be read.
    """
    config = read_installed(directory)
    return [
        *_path_problems(directory / PROGRAM),
        *_version_problems(directory / bundle_name()),
        *_call_problems(directory / PROGRAM),
        *_spool_problems(Path(config.spool_dir)),
        *_note_problems(Path(config.state_dir)),
    ]


def _version_problems(path: Path) -> list[str]:
    if is_current(path):
        return []
    return [f"{path}: missing, or of another version of this package: run install again"]


def _path_problems(program: Path) -> list[str]:
    """Every folder above must let SlurmUser and root through, and nobody else may replace the program."""
    problems = []
    for path in (program, *program.resolve().parents):
        mode = path.stat().st_mode
        if not mode & stat.S_IXOTH:
            problems.append(f"{path}: other users may not pass or run it (chmod o+x)")
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            problems.append(f"{path}: anybody may replace it (chmod o-w)")
    return problems


def _call_problems(program: Path) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="pilothouse-hook-") as folder:
        environ = {
            "SLURM_SCRIPT_CONTEXT": "prolog_slurmctld",
            "SLURM_JOB_ID": "1",
            "PILOTHOUSE_BROKER_URL": f"spool:{folder}/spool",
        }
        begin = time.monotonic()
        try:
            done = subprocess.run(  # noqa: S603 the program that Slurm runs as well
                [program], env=environ, capture_output=True, timeout=30, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as exc:
            return [f"{program}: cannot be run: {exc}"]
        seconds = time.monotonic() - begin
        written = list(Path(folder).glob("spool/events/*.msg"))
    problems = []
    if not written:
        said = done.stderr.decode("utf-8", "replace").strip()[-300:]
        problems.append(f"{program}: a call wrote no event: {said or 'it said nothing'}")
    if done.stdout:
        problems.append(f"{program}: wrote to stdout, which Slurm interprets")
    if seconds > ENOUGH_SECONDS:
        problems.append(f"{program}: a call took {seconds:.1f} s, expected less than 1 s")
    return problems


def _note_problems(state: Path) -> list[str]:
    """The prolog makes these directories; who may write there decides whose the agent thinks a GPU is."""
    return [
        f"{path}: anybody may forge notes about jobs there (chmod o-w)"
        for path in (state, state / "jobs")
        if path.is_dir() and path.stat().st_mode & stat.S_IWOTH
    ]


def _spool_problems(spool: Path) -> list[str]:
    if not spool.is_dir():
        return [f"{spool}: the spool directory is missing (mkdir -m 0770, owned by SlurmUser)"]
    problems = []
    folder = spool / "events" if (spool / "events").is_dir() else spool
    if not os.access(folder, os.W_OK | os.X_OK):
        problems.append(f"{folder}: this user may not write there")
    problems += [
        f"{path}: anybody may forge events there (chmod o-w)"
        for path in sorted({spool, folder})
        if path.stat().st_mode & stat.S_IWOTH
    ]
    return problems
