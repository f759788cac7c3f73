"""The steps and tasks of a job, as directories below its own."""

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pilothouse_agent.host import Host

STEP_PREFIX = "step_"
TASK_PREFIX = "task_"
USERS_PART = "user"
"""Below a step of cgroup v2: the job's processes; slurmstepd is beside it."""


class Part(NamedTuple):
    """One step, or one task of one; ``path`` is below the job's directory.

    ``step`` is as Slurm writes it (``0``, ``batch``, ``extern``), ``task`` too, or "" for the whole step.
    """

    step: str
    task: str
    path: str


class Steps:
    """Lists the parts of one job, anew only when a directory came or went (its link count says so).

    Args:
        host: The node.
        directory: The job's, of one controller.
        version: Of the cgroups.
    """

    def __init__(self, host: "Host", directory: str, version: int) -> None:
        self._host = host
        self._directory = directory
        self._inner = f"/{USERS_PART}" if version == 2 else ""
        self._parts: list[Part] = []
        self._counts: dict[str, int] = {}

    def current(self) -> list[Part]:
        """Return the parts that there are, each step before its tasks."""
        counts = {path: self._links(path) for path in ("", *self._counts)}
        if counts != self._counts:
            self._parts, self._counts = [], {"": counts[""]}
            for name in subdirectories(self._host, self._directory):
                if name.startswith(STEP_PREFIX):
                    self._add(name)
        return self._parts

    def _add(self, name: str) -> None:
        step = name.removeprefix(STEP_PREFIX)
        inner = f"{name}{self._inner}"
        self._counts[inner] = self._links(inner)
        self._parts.append(Part(step, "", name))
        for task in subdirectories(self._host, f"{self._directory}/{inner}"):
            if task.startswith(TASK_PREFIX):
                path = f"{inner}/{task}"
                self._parts.append(Part(step, task.removeprefix(TASK_PREFIX), path))

    def _links(self, path: str) -> int:
        try:
            return os.stat(self._host.path(f"{self._directory}/{path}")).st_nlink
        except OSError:
            return 0


def subdirectories(host: "Host", path: str) -> list[str]:
    """Return the names of the directories in a directory, sorted; none when it is gone."""
    try:
        with os.scandir(host.path(path)) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []
