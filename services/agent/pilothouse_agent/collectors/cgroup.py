"""What the cgroups of each job say: CPU, memory, pressure, I/O. Per step and task where it is asked for.

Which cgroups are a job's, ``host.jobs`` knows; what their files mean, ``cgroup_files``. A job that ends
while it is read is no error: its files are gone.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.cgroup_files import V1, V1_OWN, V2
from pilothouse_agent.collectors.cgroup_group import Group, Total
from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import CollectorUnavailable, Host
from pilothouse_agent.jobs.job import NodeJob
from pilothouse_agent.jobs.layout import find_hierarchies
from pilothouse_agent.jobs.steps import Part, Steps

MAX_KEPT_FILES = 600
"""More are opened at every interval: a node with hundreds of small jobs must not run out of descriptors."""


class _Job:
    """One job: its own cgroup, those of its parts, and what v1 does not add up itself."""

    def __init__(self, host: Host, job: NodeJob, *, detail: str, twice: bool) -> None:
        self._host = host
        self._job = job
        self._detail = detail
        self._sources = V2 if job.version == 2 else V1
        part = ("slurmd", job.node) if twice else ("", "")
        self._tags = ("node", "", *part, job.job_id)
        self._own = Group(host, self._sources, job.directories, "", self._tags)
        self._steps = Steps(host, job.directory("memory") or job.directory("cpuacct"), job.version)
        self._parts: dict[Part, Group] = {}
        self._totals = [Total(host, source) for source in V1_OWN] if job.version == 1 else []

    def samples(self, now: float, keep: "_Budget") -> Iterator[Sample]:
        yield from self._own.samples(now, keep=keep.take(self._own.file_count))
        if self._detail == "job" and not self._totals:
            return
        parts = self._steps.current()
        yield from self._sums(parts, keep)
        yield from self._details([p for p in parts if self._wanted(p)], now, keep)

    def close(self) -> None:
        for group in (self._own, *self._parts.values()):
            group.close()
        for total in self._totals:
            total.close()

    def _wanted(self, part: Part) -> bool:
        return self._detail == "task" or (self._detail == "step" and not part.task)

    def _sums(self, parts: Sequence[Part], keep: "_Budget") -> Iterator[Sample]:
        directory = self._job.directory("memory")
        if directory:
            everywhere = [directory, *(f"{directory}/{part.path}" for part in parts)]
            for total in self._totals:
                value = total.value(everywhere, keep=keep.take(len(everywhere)))
                yield Sample(total.metric, value, *self._tags)

    def _details(self, parts: Sequence[Part], now: float, keep: "_Budget") -> Iterator[Sample]:
        for gone in self._parts.keys() - set(parts):
            self._parts.pop(gone).close()
        for part in parts:
            group = self._parts.get(part)
            if group is None:
                kind = ("task", f"{part.step}.{part.task}") if part.task else ("step", part.step)
                tags = (*self._tags[:2], *kind, self._job.job_id)
                group = Group(self._host, self._sources, self._job.directories, part.path, tags)
                self._parts[part] = group
            yield from group.samples(now, keep=keep.take(group.file_count))


class _Budget:
    """Who may keep descriptors in one interval: the first."""

    def __init__(self, files: int) -> None:
        self._left = files

    def take(self, files: int) -> bool:
        self._left -= files
        return self._left >= 0


class CgroupCollector:
    """Reads the cgroups of the jobs of this node."""

    name = "cgroup"

    def __init__(self, host: Host, options: Options) -> None:
        if not find_hierarchies(host):
            raise CollectorUnavailable("no cgroup file system is mounted")
        self._host = host
        self._detail = options.job_detail
        self._jobs: dict[NodeJob, _Job] = {}

    def collect(self) -> list[Sample]:
        """Return the samples of every job, with its ``jobid``, and how many jobs there are.

        Nothing where Slurm keeps no jobs in cgroups.
        """
        current = self._host.jobs.current()
        now = self._host.clock.monotonic()
        for ended in self._jobs.keys() - set(current):
            self._jobs.pop(ended).close()
        if not self._host.jobs.has_slurm:
            return []
        times = Counter(job.job_id for job in current)
        keep = _Budget(MAX_KEPT_FILES)
        samples = [
            Sample("jobs_running", len(current)),
            Sample("jobs_unknown", self._host.jobs.unknown),
        ]
        for job in current:
            known = self._jobs.get(job)
            if known is None:
                known = _Job(self._host, job, detail=self._detail, twice=times[job.job_id] > 1)
                self._jobs[job] = known
            samples += known.samples(now, keep)
        return samples

    def close(self) -> None:
        """Close the files of all jobs."""
        for job in self._jobs.values():
            job.close()
        self._jobs.clear()
