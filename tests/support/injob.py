"""`pilothouse-standalone job` under a real mpirun on this machine: every rank is a node of its own name."""

import re
import sys
from pathlib import Path

from tests.support import provide
from tests.support.process import Program, eventually, free_port
from tests.support.stack import Client

JOB = [sys.executable, "-m", "pilothouse_standalone", "job"]
ENVIRONMENT = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "OMPI_MCA_odls_base_sigkill_timeout": "3",
    "OMPI_MCA_mpi_yield_when_idle": "1",
}
_OWN_NAME = 'PILOTHOUSE_HOSTNAME=n${OMPI_COMM_WORLD_RANK:-$PMIX_RANK} exec "$@"'


def mpirun() -> str:
    """Return Open MPI's mpirun, installed where that is possible."""
    return provide.program("mpirun", packages=["openmpi-bin"])


def own_name(*command: str) -> list[str]:
    """Return a command that gives its rank the node name n<rank>."""
    return ["sh", "-c", _OWN_NAME, "sh", *command]


class InJob:
    """One mpirun."""

    def __init__(
        self,
        directory: Path,
        *options: str,
        ranks: int = 4,
        names: bool = True,
        port: int | None = None,
    ) -> None:
        self.port = free_port() if port is None else port
        self.url = f"http://127.0.0.1:{self.port}"
        command = [*JOB, "--port", str(self.port), "--interval", "1", *options]
        self.program = Program(
            [mpirun(), "-n", str(ranks), *(own_name(*command) if names else command)],
            log=directory / "job.log",
            env={**ENVIRONMENT, "TMPDIR": str(directory)},
        )

    def start(self) -> "InJob":
        self.program.start().wait_ready(lambda: "tokens:" in self.program.output(), within=60)
        return self

    @property
    def tokens_file(self) -> Path:
        found = re.search(r"tokens: +[^\s:]+:(\S+)", self.program.output())
        assert found, self.program.output()
        return Path(found[1])

    def tokens(self) -> dict[str, str]:
        lines = self.tokens_file.read_text().splitlines()
        return dict(line.split(": ", 1) for line in lines)

    def client(self, level: str = "full") -> Client:
        return Client(self.url, self.tokens()[level])

    def states(self) -> dict[str, str]:
        return {n["hostname"]: n["state"] for n in self.client().every("/v1/nodes")}

    def ranks(self) -> dict[str, int]:
        """Return the process that works as each node: the child of the one that the launcher started."""
        processes = self._processes()
        guards = {pid for _, pid, _ in processes}
        return {name: pid for name, pid, parent in processes if parent in guards}

    def all_ended(self) -> bool:
        return not self._processes()

    def _processes(self) -> list[tuple[str, int, int]]:
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                environ = (entry / "environ").read_bytes().split(b"\0")
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            if b"pilothouse_standalone" in words and str(self.port).encode() in words:
                if words[0].endswith((b"mpirun", b"sh")):
                    continue
                names = [e[20:].decode() for e in environ if e.startswith(b"PILOTHOUSE_HOSTNAME=")]
                found.append((names[0] if names else "", int(entry.name), parent))
        return found


def ended(job: InJob, *, within: float = 20) -> None:
    """Wait until no process of it is left."""
    eventually(job.all_ended, within=within)
