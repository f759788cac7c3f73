"""One job on this node."""

import os
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pilothouse_agent.jobs.layout import V2
from pilothouse_agent.jobs.notes import Note
from pilothouse_agent.jobs.steps import STEP_PREFIX, TASK_PREFIX, subdirectories

if TYPE_CHECKING:
    from pilothouse_agent.host import Host

STEPDS_OWN = "slurm"
"""Below a step of cgroup v2: slurmstepd itself; the job's processes are in ``user``."""
MAX_DIRECTORIES = 10_000
MAX_ID = 1 << 20
FEW_PROCESSES = 8
"""Enough to find one that Slurm started: a step's first processes are told first."""
GPU_VARIABLES = ("SLURM_JOB_GPUS", "SLURM_STEP_GPUS")
_RANGE = re.compile(r"(\d{1,7})(?:-(\d{1,7}))?")


class NodeJob:
    """One job on this node, from when its cgroup appears to when it goes.

    Attributes:
        job_id: Slurm's number, as text.
        sluid: Slurm's other name of this run of the job, or "" (before 25.11, without a prolog).
        node: The node whose slurmd runs it, where several run on this host; else "".
        directories: Its cgroup per controller (``memory``, ``cpuacct``, …), or one for ``v2``; paths
            below the node's ``/``. A directory may be missing: not every controller knows every job.
    """

    def __init__(
        self,
        host: "Host",
        *,
        job_id: str,
        sluid: str,
        node: str,
        uid: int | None,
        directories: Mapping[str, str],
        note: Note | None,
    ) -> None:
        self.job_id = job_id
        self.sluid = sluid
        self.node = node
        self.directories = directories
        self._host = host
        self._uid = uid if uid is not None or note is None else note.uid
        self._gpu_ids = None if note is None else note.gpu_ids

    @property
    def version(self) -> int:
        """Return the version of its cgroups, 1 or 2."""
        return 2 if V2 in self.directories else 1

    def directory(self, controller: str) -> str:
        """Return where a controller keeps its files, or "" where it is not used."""
        return self.directories.get(V2) or self.directories.get(controller, "")

    @property
    def uid(self) -> int | None:
        """The number of its user, as the path, the note or its first process tells it."""
        for pid in self.pids() if self._uid is None else ():
            try:
                self._uid = os.stat(self._host.path(f"proc/{pid}")).st_uid
                break
            except OSError:
                continue  # it ended
        return self._uid

    @property
    def hwthreads(self) -> tuple[int, ...]:
        """The hardware threads that it may use, by their numbers; none when nothing confines it."""
        directory = self.directory("cpuset")
        for name in ("cpuset.cpus", "cpuset.effective_cpus", "cpuset.cpus.effective"):
            ids = parse_ids(self._host.read(f"{directory}/{name}")) if directory else ()
            if ids:
                return ids
        return ()

    @property
    def gpu_ids(self) -> tuple[str, ...]:
        """The node's GPUs that it may use, as Slurm numbers them: ``("0", "3")``.

        From the prolog's note, else from the environment of one of its processes (only root may read it).
        """
        if self._gpu_ids is None:
            for pid in self.pids()[:FEW_PROCESSES]:
                variables = read_variables(self._host, pid)
                if "SLURM_JOB_ID" in variables:
                    text = next((variables[n] for n in GPU_VARIABLES if n in variables), "")
                    self._gpu_ids = tuple(map(str, parse_ids(text)))
                    break
        return self._gpu_ids or ()

    def steps(self) -> list[str]:
        """Return the directories of its steps, such as ``step_0`` and ``step_batch``."""
        return [n for n in self._host.names(self._lead) if n.startswith(STEP_PREFIX)]

    def pids(self) -> list[int]:
        """Return its processes now, without Slurm's own, oldest directory first."""
        found: list[int] = []
        for directory in self._process_directories():
            text = self._host.read(f"{directory}/cgroup.procs")
            found += [int(word) for word in text.split() if word.isdecimal()]
        return found

    @property
    def _lead(self) -> str:
        return next(iter(self.directories.values()))

    def _process_directories(self) -> Iterator[str]:
        """Below a step: its tasks where it has some (v1), what is not ``slurm`` (v2), else the step."""
        for step in self.steps():
            path = f"{self._lead}/{step}"
            children = subdirectories(self._host, path)
            if self.version == 2:
                todo = [f"{path}/{name}" for name in children if name != STEPDS_OWN]
            else:
                tasks = [f"{path}/{name}" for name in children if name.startswith(TASK_PREFIX)]
                todo = tasks or [path]
            for directory in todo:  # grows: a container runtime in a job makes cgroups of its own
                yield directory
                if len(todo) < MAX_DIRECTORIES:
                    todo += [
                        f"{directory}/{name}" for name in subdirectories(self._host, directory)
                    ]


def read_variables(host: "Host", pid: int) -> dict[str, str]:
    """Return the SLURM_ variables that a process began with; none when it may not be read."""
    pairs = (part.partition("=") for part in host.read(f"proc/{pid}/environ").split("\0"))
    return {name: value for name, _, value in pairs if name.startswith("SLURM_")}


def parse_ids(text: str) -> tuple[int, ...]:
    """Return the numbers of ``0-3,8``; none when it is anything else."""
    ids: list[int] = []
    for part in text.split(",") if text else ():
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            return ()
        low, high = int(match[1]), int(match[2] or match[1])
        if high >= MAX_ID:
            return ()
        ids.extend(range(low, high + 1))
    return tuple(ids)
