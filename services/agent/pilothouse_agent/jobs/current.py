"""Which jobs run on this node, and whose a process is."""

import os
import re
from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from pilothouse_agent.jobs.job import NodeJob
from pilothouse_agent.jobs.layout import (
    JOB_ID,
    SLUID,
    V2,
    Base,
    Place,
    find_bases,
    list_places,
)
from pilothouse_agent.jobs.notes import Note, Notes
from pilothouse_agent.jobs.sluid import job_id_of

if TYPE_CHECKING:
    from pilothouse_agent.host import Host

FRESH_SECONDS = 0.5
"""All collectors of one sweep see the same jobs."""
BASES_SECONDS = 30.0
"""How often it is looked for where Slurm keeps jobs; it may start after the agent."""
JOB_CGROUP = re.compile(rf"(/.*?/(?:{JOB_ID.pattern}|{SLUID.pattern}))(?:/|$)")
Identity = tuple[str, int]


class Jobs:
    """The jobs of one node.

    Args:
        host: The node.
        state_dir: Where the prolog leaves its notes, below the node's ``/``.
        node_name: This node's name in Slurm. Where several slurmd run on one host, only the jobs of the
            one with this name are told; those of all, when none has it.
    """

    def __init__(self, host: "Host", *, state_dir: str, node_name: str) -> None:
        self._host = host
        self._notes = Notes(host, f"{state_dir}/jobs")
        self._node_name = node_name
        self._bases: list[Base] = []
        self._bases_time = -BASES_SECONDS
        self._jobs: dict[Identity, NodeJob] = {}
        self._by_cgroup: dict[str, NodeJob] = {}
        self._time = -FRESH_SECONDS
        self.unknown = 0
        """Cgroups of jobs at the last look whose job id nothing tells."""

    def current(self) -> Sequence[NodeJob]:
        """Return the jobs that have a cgroup here now, by job id; looks at most twice a second."""
        now = self._host.clock.monotonic()
        if now - self._time >= FRESH_SECONDS:
            self._time = now
            self._look(now)
        return list(self._jobs.values())

    @property
    def has_slurm(self) -> bool:
        """Return whether Slurm keeps jobs in cgroups here, as of the last look."""
        return bool(self._bases)

    def job_of_pid(self, pid: int) -> NodeJob | None:
        """Return the job that a process belongs to, or None. Source: proc_pid_cgroup(5)."""
        self.current()
        for line in self._host.read(f"proc/{pid}/cgroup").splitlines():
            path = line.split(":", 2)[-1]
            if "/.." in path:  # we are in a cgroup namespace, the process is outside
                path = os.path.normpath(path)
            match = JOB_CGROUP.match(path)
            job = self._by_cgroup.get(match[1]) if match else None
            if job is not None:
                return job
        return None

    def _look(self, now: float) -> None:
        search = now - self._bases_time >= BASES_SECONDS
        if search:
            self._bases, self._bases_time = find_bases(self._host), now
        notes = self._notes.read()
        taken = {job_id for job_id, note in notes.items() if note.sluid}
        taken |= {job.job_id for job in self._jobs.values()}
        found: dict[Identity, NodeJob] = {}
        by_cgroup: dict[str, NodeJob] = {}
        self.unknown = 0
        for bases in self._by_node():
            lead, places = self._first_with_jobs(bases)
            taken |= {place.job_id for place in places if place.job_id}
            for place in places:
                identity = self._identity(f"{lead.path}/{place.path}")
                if identity is None:
                    continue  # it ended while we looked
                job = self._jobs.get(identity) or self._make(bases, lead, place, notes, taken)
                if job is None:
                    self.unknown += 1
                else:
                    taken.add(job.job_id)
                    found[identity] = by_cgroup[f"{lead.cgroup}/{place.path}"] = job
        self._by_cgroup = by_cgroup
        self._jobs = dict(sorted(found.items(), key=lambda item: int(item[1].job_id)))
        if search:
            self._notes.sweep({job.job_id for job in self._jobs.values()})

    def _by_node(self) -> Iterable[list[Base]]:
        nodes = {base.node for base in self._bases}
        wanted = {self._node_name} if self._node_name in nodes else nodes
        chosen = sorted((b for b in self._bases if b.node in wanted), key=lambda base: base.node)
        return [list(bases) for _, bases in groupby(chosen, key=lambda base: base.node)]

    def _first_with_jobs(self, bases: Sequence[Base]) -> tuple[Base, list[Place]]:
        for base in bases:
            places = list_places(self._host, base)
            if places:
                return base, places
        return bases[0], []

    def _identity(self, path: str) -> Identity | None:
        """Tell a requeued job's new directory from its old one."""
        try:
            return path, os.stat(self._host.path(path)).st_ino
        except OSError:
            return None

    def _make(
        self,
        bases: Sequence[Base],
        lead: Base,
        place: Place,
        notes: dict[str, Note],
        taken: Collection[str],
    ) -> NodeJob | None:
        v2 = lead.controllers == (V2,)
        others = [b for b in bases if b is not lead and not v2 and b.controllers != (V2,)]
        directories = {
            name: f"{base.path}/{place.path}".lstrip("/")
            for base in (lead, *others)
            for name in base.controllers
        }
        path = directories[lead.controllers[0]]
        job_id = place.job_id or job_id_of(self._host, place.sluid, path, notes, taken)
        if not job_id:
            return None
        note = notes.get(job_id)
        return NodeJob(
            self._host,
            job_id=job_id,
            sluid=place.sluid or (note.sluid if note else ""),
            node=lead.node,
            uid=place.uid,
            directories=directories,
            note=note,
        )
