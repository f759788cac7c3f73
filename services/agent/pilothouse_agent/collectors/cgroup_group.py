"""The files of one cgroup, kept open while it lives."""

from collections.abc import Iterable, Mapping, Sequence
from errno import ENODEV, ENOENT, ENOTDIR
from math import isnan

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.cgroup_files import Source
from pilothouse_agent.host import Host, KeptFile
from pilothouse_agent.rates import Row

GONE = frozenset({ENOENT, ENODEV, ENOTDIR})
"""What is said of a file whose cgroup was removed: ENODEV when its descriptor was kept."""
TRIES = 3
"""Slurm makes the directories of the controllers one after the other; later, what is missing stays so."""


class Group:
    """One cgroup with its directory in each controller.

    Args:
        host: The node.
        sources: The files to read, those that there are.
        directories: Of the job, per controller or for ``v2``.
        path: Below them; "" for the job itself.
        tags: Of its samples: type, type_id, stype, stype_id, jobid.
    """

    def __init__(
        self,
        host: Host,
        sources: Iterable[Source],
        directories: Mapping[str, str],
        path: str,
        tags: tuple[str, ...],
    ) -> None:
        self._tags = tags
        self._tries = 0
        self._readers = []
        for source in sources:
            directory = directories.get("v2") or directories.get(source.controller)
            if directory:
                file = KeptFile(host.path(f"{directory}/{path}/{source.name}"))
                self._readers.append((file, source.read, Row(source.fields, tags)))

    @property
    def file_count(self) -> int:
        """Return how many files are read at most."""
        return len(self._readers)

    def samples(self, monotonic_seconds: float, *, keep: bool) -> list[Sample]:
        """Return what the files say now; nothing of those that are gone.

        Args:
            monotonic_seconds: Now.
            keep: Whether the descriptors stay open.

        Raises:
            OSError: A file that is there cannot be read.
        """
        samples: list[Sample] = []
        found = []
        for reader in self._readers:
            file, read, row = reader
            try:
                data = file.read()
            except OSError as exc:
                if exc.errno not in GONE:
                    raise
                continue
            found.append(reader)
            told = row.samples(read(data), monotonic_seconds)
            samples += [sample for sample in told if not isnan(sample.value)]
            if not keep:
                file.close()
        self._tries += 1
        if self._tries >= TRIES:
            self._readers = found
        return samples + self._share(samples)

    def close(self) -> None:
        """Close the files."""
        for file, _, _ in self._readers:
            file.close()

    def _share(self, samples: Sequence[Sample]) -> list[Sample]:
        """Return the CPU time used of that of the hardware threads that the job may use."""
        values = {sample.name: sample.value for sample in samples}
        threads = values.get("job_hwthreads")
        if not threads or "job_user_cpu" not in values:
            return []
        used = (values["job_user_cpu"] + values["job_sys_cpu"]) / threads
        return [Sample("job_cpu_used", used, *self._tags)]


class Total:
    """Adds one counter up over cgroups that come and go."""

    def __init__(self, host: Host, source: Source) -> None:
        [field] = source.fields
        assert field is not None
        self.metric = field.metric
        self._host = host
        self._source = source
        self._newest: dict[str, float] = {}
        self._past = 0.0

    def value(self, directories: Sequence[str]) -> float:
        """Return the sum over these directories and all that there were before."""
        for gone in self._newest.keys() - set(directories):
            self._past += self._newest.pop(gone)
        for directory in directories:
            file = KeptFile(self._host.path(f"{directory}/{self._source.name}"))
            try:
                [self._newest[directory]] = self._source.read(file.read())
            except OSError as exc:
                if exc.errno not in GONE:
                    raise
            finally:
                file.close()
        return self._past + sum(self._newest.values())
