"""A real, private Slurm on loopback: munged, slurmctld, any number of slurmd, slurmrestd with JWT.

Needs root, because slurmd starts jobs as other users. A cluster is up in about two seconds.
"""

import contextlib
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import provide
from tests.support.process import Program, eventually, find_program, free_port
from tests.support.slurm_conf import CGROUP_CONF, gres_conf, slurm_conf

PACKAGES = (
    "slurmctld", "slurmd", "slurmrestd", "slurm-client", "munge", "slurm-wlm-jwt-plugin",
)  # fmt: skip
DIRS = ("/usr/sbin", "/sbin")
USERS = ("pilot1", "pilot2")
"""Whose jobs run; made where they are missing."""
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "DEADLINE")


class Slurm:
    """One cluster in a directory of its own, all of whose parents other users may pass.

    Args:
        directory: Existing, empty, owned by root, mode 0755; its path at most 80 characters.
        nodes: Number of nodes, n1, n2, …; each with ``cpus`` CPUs and ``gpus`` (made up) GPUs.
        cgroups: Confine jobs by cgroup v1, which must be writable.
        extra: Lines added to slurm.conf, for example those that `pilothouse-hook install` prints.
    """

    def __init__(
        self,
        directory: Path,
        *,
        nodes: int = 2,
        cpus: int = 4,
        gpus: int = 0,
        cgroups: bool = False,
        cluster: str = "testing",
        extra: str = "",
    ) -> None:
        self.directory = directory
        self.cluster = cluster
        self.conf = directory / "etc" / "slurm.conf"
        self.jwt_key = directory / "etc" / "jwt.key"
        self.jobs = directory / "jobs"
        """Where jobs run and may write."""
        self.rest_port = free_port()
        self.url = f"http://127.0.0.1:{self.rest_port}"
        self.version = _version()
        names = [f"n{number}" for number in range(1, nodes + 1)]
        self._write_files(names, cpus=cpus, gpus=gpus, cgroups=cgroups, extra=extra)
        munge_socket = directory / "munge" / "socket"
        self.munged = self._daemon(
            "munged", "-F", f"--socket={munge_socket}", f"--key-file={directory}/etc/munge.key",
            f"--pid-file={directory}/run/munged.pid", f"--log-file={directory}/log/munged.log",
            f"--seed-file={directory}/etc/munge.seed", "--num-threads=2",
        )  # fmt: skip
        self.slurmctld = self._daemon("slurmctld", "-D", "-i")
        self.slurmds = {
            name: self._daemon("slurmd", "-D", "-N", name, log=f"slurmd-{name}") for name in names
        }
        plugins = "openapi/v0.0.38" if self.version < (23, 2) else "slurmctld"
        self.slurmrestd = self._daemon(
            "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", _program("slurmrestd"),
            "-a", "rest_auth/jwt", "-s", plugins, "-t", "8", f"127.0.0.1:{self.rest_port}",
            log="slurmrestd", env={"SLURM_JWT": "daemon"},
        )  # fmt: skip

    def start(self) -> "Slurm":
        """Start what is not running and wait until jobs can run."""
        for daemon in (self.munged, self.slurmctld, *self.slurmds.values(), self.slurmrestd):
            if not daemon.running:
                daemon.start()
        self.slurmctld.wait_ready(lambda: "UP" in self.scontrol("ping"), within=20)
        eventually(self._nodes_are_up, within=30)
        self.slurmrestd.wait_ready(self._rest_answers, within=20)
        return self

    def submit(self, script: str, *, user: str = USERS[0], **options: object) -> int:
        """Submit with sbatch as ``user``; return the job id. ``nodes=2`` becomes ``--nodes=2``.

        A script without ``#!`` gets ``#!/bin/sh``.
        """
        text = script if script.startswith("#!") else f"#!/bin/sh\n{script}\n"
        options = {"output": "/dev/null", **options}
        argv = [_program("sbatch"), "--parsable", f"--chdir={self.jobs}"]
        for name, value in options.items():
            word = f"--{name.replace('_', '-')}"
            argv.append(word if value is True else f"{word}={value}")
        account = pwd.getpwnam(user)
        answer = subprocess.run(
            argv,
            input=text,
            env={"PATH": "/usr/bin:/bin", "SLURM_CONF": str(self.conf), "USER": user},
            cwd=self.jobs,
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=[],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert answer.returncode == 0, answer.stderr
        return int(answer.stdout.split(";")[0])

    def running(self, script: str = "exec sleep 300", **options: Any) -> int:
        """Submit a script (default: it sleeps); return its job's id once it runs.

        A job that is cancelled or requeued before that may stay COMPLETING for a minute.
        """
        job_id = self.submit(f"touch running-$SLURM_JOB_ID\n{script}", **options)
        eventually((self.jobs / f"running-{job_id}").exists, within=30)
        return job_id

    def requeue(self, job_id: int) -> None:
        """Requeue a running job and wait until it is pending; by itself Slurm starts it in two minutes."""
        self.scontrol("requeue", str(job_id))
        self.wait(job_id, "PENDING")

    def start_again(self, job_id: int) -> None:
        """Let a requeued job start soon; within a second slurmd would refuse it (credential revoked)."""
        self.scontrol("update", f"JobId={job_id}", "StartTime=now+3")

    def scontrol(self, *words: str) -> str:
        """Run scontrol as root; return what it prints."""
        return self._command("scontrol", *words)

    def cancel(self, job_id: int, *options: str) -> None:
        """Cancel a job."""
        self._command("scancel", *options, str(job_id))

    def job(self, job_id: int) -> dict[str, str]:
        """Return what ``scontrol show job`` says of a job, by its own names."""
        text = self.scontrol("--oneliner", "show", "job", str(job_id)).splitlines()[0]
        pairs = (word.partition("=") for word in text.split())
        return {name: value for name, equals, value in pairs if equals}

    def wait(self, job_id: int, *states: str, within: float = 30) -> dict[str, str]:
        """Return the job once it is in one of the states (default: it ended and left its nodes)."""
        wanted = states or ENDED

        def reached() -> dict[str, str]:
            job = self.job(job_id)
            assert job["JobState"] in wanted, job
            return job

        return eventually(reached, within=within)

    def token(self, user: str = "root", *, lifespan_seconds: int = 3600) -> str:
        """Return a JWT for slurmrestd."""
        words = (f"username={user}", f"lifespan={lifespan_seconds}")
        return self.scontrol("token", *words).strip().partition("=")[2]

    def stop(self) -> None:
        """Cancel the jobs, stop every daemon, and end what jobs left behind."""
        if self.slurmctld.running:
            with contextlib.suppress(subprocess.SubprocessError, AssertionError):
                self._cancel_all()
        for daemon in (self.slurmrestd, self.slurmctld, *self.slurmds.values()):
            daemon.signal(signal.SIGTERM)
        for daemon in (self.slurmrestd, self.slurmctld, *self.slurmds.values()):
            daemon.stop(within=5)
        self._end_leftovers()
        self.munged.stop(within=5)

    def kill(self) -> None:
        """SIGKILL every daemon and everything of its jobs."""
        for daemon in (self.slurmrestd, self.slurmctld, *self.slurmds.values(), self.munged):
            daemon.kill()
        self._end_leftovers()

    def _cancel_all(self) -> None:
        for user in ("root", *USERS):
            self._command("scancel", "--full", "--signal=KILL", f"--user={user}", within=5)
        eventually(lambda: not self._command("squeue", "-h", "-t", "R,CG,S"), within=4, every=0.1)

    def _end_leftovers(self) -> None:
        """Kill this cluster's slurmstepd (by its open files) and job processes (by their variables)."""
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if self._is_step(process) or self._is_of_a_job(process):
                    os.kill(int(process.name), signal.SIGKILL)

    def _is_step(self, process: Path) -> bool:
        if not (process / "cmdline").read_bytes().startswith(b"slurmstepd"):
            return False
        links = [os.readlink(file) for file in (process / "fd").iterdir()]
        return any(link.startswith(f"{self.directory}/") for link in links)

    def _is_of_a_job(self, process: Path) -> bool:
        variables = (process / "environ").read_bytes().split(b"\0")
        ours = f"SLURM_CONF={self.conf}".encode() in variables
        return ours and any(variable.startswith(b"SLURM_JOB_ID=") for variable in variables)

    def _nodes_are_up(self) -> bool:
        states = self._command("sinfo", "-h", "-N", "-o", "%T").split()
        ready = ("idle", "mixed", "allocated", "completing", "planned")
        return [state in ready for state in states] == [True] * len(self.slurmds)

    def _rest_answers(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.rest_port), timeout=5):
            return True

    def _command(self, name: str, *words: str, within: float = 20) -> str:
        answer = subprocess.run(
            [_program(name), *words],
            env={"PATH": "/usr/bin:/bin", "SLURM_CONF": str(self.conf)},
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
        )
        assert answer.returncode == 0, f"{name} {' '.join(words)}: {answer.stderr or answer.stdout}"
        return answer.stdout

    def _daemon(
        self, name: str, *words: str, log: str = "", env: dict[str, str] | None = None
    ) -> Program:
        return Program(
            [_program(name), *words],
            log=self.directory / "log" / f"{log or name}.out",
            env={"SLURM_CONF": str(self.conf), **(env or {})},
        )

    def _write_files(
        self, names: list[str], *, cpus: int, gpus: int, cgroups: bool, extra: str
    ) -> None:
        assert len(str(self.directory)) <= 80, "too long for the sockets in it"
        for name in ("etc", "run", "log", "state", "spool", "munge", "dev", "jobs"):
            (self.directory / name).mkdir(exist_ok=True)
            (self.directory / name).chmod(0o755)
        self.jobs.chmod(0o1777)
        for name, length in (("munge.key", 1024), ("jwt.key", 32)):
            file = self.directory / "etc" / name
            file.touch(mode=0o600)
            file.write_bytes(os.urandom(length))
        for index in range(gpus):  # an unused major number: slurmd only needs the nodes to exist
            os.mknod(self.directory / "dev" / f"gpu{index}", 0o20666, os.makedev(240, index))
        (self.directory / "etc" / "cgroup.conf").write_text(CGROUP_CONF if cgroups else "")
        (self.directory / "etc" / "gres.conf").write_text(gres_conf(self.directory, names, gpus))
        self.conf.write_text(
            slurm_conf(
                self.directory,
                cluster=self.cluster,
                ctld_port=free_port(),
                nodes={name: free_port() for name in names},
                cpus=cpus,
                gpus=gpus,
                cgroups=cgroups,
                extra=extra,
            )
        )


@contextlib.contextmanager
def private_slurm(**arguments: Any) -> Iterator[Slurm]:
    """Run a cluster (arguments as of Slurm) in a directory that is removed afterwards."""
    require()
    with directory_for_all_users() as directory:
        slurm = Slurm(directory, **arguments)
        try:
            yield slurm.start()
        finally:
            slurm.stop()


@contextlib.contextmanager
def directory_for_all_users() -> Iterator[Path]:
    """Make a directory that other users may enter, unlike pytest's own."""
    directory = Path(tempfile.mkdtemp(prefix="pilothouse-", dir="/var/tmp"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def require() -> None:
    """Install Slurm and the test users where that is possible; else skip, or fail in CI."""
    if os.geteuid() != 0:
        provide.missing("a private Slurm needs root: slurmd starts jobs as other users")
    for name in ("munged", "slurmctld", "slurmd", "slurmrestd", "sbatch", "scontrol"):
        _program(name)
    if not list(Path("/usr/lib").glob("*/slurm*/auth_jwt.so")):
        provide.apt_install(PACKAGES)
    try:
        socket.gethostbyname(socket.gethostname())
    except OSError:
        provide.missing(
            f"the host name {socket.gethostname()} does not resolve: add it to /etc/hosts"
        )
    for name in USERS:
        try:
            pwd.getpwnam(name)
        except KeyError:
            subprocess.run(["useradd", "--no-create-home", "--shell", "/bin/sh", name], check=True)


def _program(name: str) -> str:
    return find_program(name, *DIRS) or provide.program(name, packages=PACKAGES, dirs=DIRS)


def _version() -> tuple[int, int]:
    said = subprocess.run([_program("slurmctld"), "-V"], capture_output=True, text=True, check=True)
    match = re.search(r"(\d+)\.(\d+)", said.stdout)
    assert match is not None, said.stdout
    return int(match[1]), int(match[2])


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    """A cluster of two nodes without hooks, shared by a whole test run."""
    with private_slurm() as cluster:
        yield cluster
