"""Where Slurm keeps the cgroups of jobs: every layout from 22.05 to 26.05, found without a setting.

| cgroup | directory of a job |
|---|---|
| v1, and hybrid | ``<controller>/slurm[_<node>]/uid_<uid>/job_<id>`` |
| v2 | ``<slice>/…/[<node>_]slurmstepd.scope/job_<id>``; from 26.05 its SLUID instead of ``job_<id>`` |

Sources: Slurm's cgroups.shtml, cgroup_v2.html and cgroup.conf(5); proc_pid_mountinfo(5).
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pilothouse_agent.host import Host

JOB_ID = re.compile(r"job_(\d{1,10})")
SLUID = re.compile(r"s[0-9A-HJKMNP-TV-Z]{13}")
SCOPE = re.compile(r"(?:(.+)_)?slurmstepd\.scope")
V1_TOP = re.compile(r"slurm(?:_(.+))?")
USER = re.compile(r"uid_(\d{1,10})")
USERS_OWN = "user.slice"
"""A user with a systemd of their own may make directories of any name in it."""
MAX_DEPTH = 6
MAX_DIRECTORIES = 1000
V2 = "v2"
"""The one hierarchy of cgroup v2, which has all controllers."""
LEADS = ("freezer", "cpuset", "memory", "cpuacct", "devices", "cpu", "pids", "blkio")
"""v1 hierarchies in the order in which they are likely to know every job."""


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """One mounted cgroup file system.

    Attributes:
        path: Where it is, below the node's ``/``.
        controllers: Those of a v1 hierarchy; ``("v2",)``.
    """

    path: str
    controllers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Base:
    """A directory that one slurmd keeps jobs in.

    Attributes:
        path: Below the node's ``/``.
        cgroup: The same as /proc/PID/cgroup has it: below its hierarchy.
        controllers: As of its hierarchy.
        node: The slurmd's node, when several run on one host; else "".
    """

    path: str
    cgroup: str
    controllers: tuple[str, ...]
    node: str


@dataclass(frozen=True, slots=True)
class Place:
    """One job's directory: ``path`` below its base, and what the path says."""

    path: str
    job_id: str
    sluid: str
    uid: int | None


def find_hierarchies(host: "Host") -> list[Hierarchy]:
    """Return the mounted hierarchies; init's view where it can be had, since ours may be a container's."""
    table = host.read("proc/1/mountinfo") or host.read("proc/self/mountinfo")
    found = []
    for line in table.splitlines():
        left, _, right = line.partition(" - ")
        mount, kind = left.split(), right.split()
        if len(mount) < 5 or len(kind) < 3:
            continue
        if kind[0] == "cgroup2":
            found.append(Hierarchy(mount[4], (V2,)))
        elif kind[0] == "cgroup":
            names = tuple(name for name in kind[-1].split(",") if name in LEADS)
            if names:
                found.append(Hierarchy(mount[4], names))
    return found


def find_bases(host: "Host") -> list[Base]:
    """Return the directories that hold jobs now or will, in the order in which to ask them.

    A directory of another owner than the hierarchy's is somebody's imitation, and left out.
    """
    bases: list[Base] = []
    for hierarchy in find_hierarchies(host):
        owner = _owner(host, hierarchy.path)
        found = _v2_bases if hierarchy.controllers == (V2,) else _v1_bases
        bases += [base for base in found(host, hierarchy) if _owner(host, base.path) == owner]
    return sorted(bases, key=lambda base: min(map(_rank, base.controllers)))


def list_places(host: "Host", base: Base) -> list[Place]:
    """Return the jobs in a base; nothing when it is gone."""
    if base.controllers == (V2,):
        return [p for name in host.names(base.path) if (p := _place(name, "", None))]
    places = []
    for name in host.names(base.path):
        user = USER.fullmatch(name)
        if user:
            jobs = host.names(f"{base.path}/{name}")
            places += [p for job in jobs if (p := _place(job, f"{name}/", int(user[1])))]
    return places


def _place(name: str, parent: str, uid: int | None) -> Place | None:
    job = JOB_ID.fullmatch(name)
    if job:
        return Place(parent + name, str(int(job[1])), "", uid)
    return Place(parent + name, "", name, uid) if SLUID.fullmatch(name) else None


def _v1_bases(host: "Host", hierarchy: Hierarchy) -> Iterator[Base]:
    for name in host.names(hierarchy.path):
        match = V1_TOP.fullmatch(name)
        if match:
            path = f"{hierarchy.path}/{name}"
            yield Base(path, f"/{name}", hierarchy.controllers, match[1] or "")


def _v2_bases(host: "Host", hierarchy: Hierarchy) -> Iterator[Base]:
    todo = [("", 0)]
    for path, depth in todo:  # grows while it is walked
        for name in host.names(hierarchy.path + path):
            below = f"{path}/{name}"
            scope = SCOPE.fullmatch(name)
            if scope:
                yield Base(hierarchy.path + below, below, hierarchy.controllers, scope[1] or "")
            elif depth < MAX_DEPTH and len(todo) < MAX_DIRECTORIES and _may_hold_jobs(name):
                todo.append((below, depth + 1))


def _may_hold_jobs(name: str) -> bool:
    return name.endswith((".slice", ".scope")) and name != USERS_OWN


def _rank(controller: str) -> int:
    return -1 if controller == V2 else LEADS.index(controller)


def _owner(host: "Host", path: str) -> int | None:
    try:
        return os.stat(host.path(path)).st_uid
    except OSError:
        return None
