"""The files of one cgroup, kept open while it lives."""

from collections.abc import Iterable, Mapping, Sequence
from errno import ENODEV, ENOENT, ENOTDIR
from math import isnan

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.cgroup_files import Source
from pilothouse_agent.host import Host, KeptFile
from pilothouse_agent.jobs.layout import V2
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
        self._found: list[Source] = []
        self._row = Row(())
        self._files = []
        for source in sources:
            directory = directories.get(V2) or directories.get(source.controller)
            if directory:
                self._files.append((source, KeptFile(_path(host, directory, path, source.name))))

    @property
    def file_count(self) -> int:
        """Return how many files are read at most."""
        return len(self._files)

    def samples(self, monotonic_seconds: float, *, keep: bool) -> list[Sample]:
        """Return what the files say now; nothing of those that are gone.

        Args:
            monotonic_seconds: Now.
            keep: Whether the descriptors stay open.

        Raises:
            OSError: A file that is there cannot be read.
        """
        found: list[Source] = []
        values: list[float] = []
        for source, file in self._files:
            data = read_or_gone(file, keep=keep)
            if data is not None:
                found.append(source)
                values += source.read(data)
        self._tries += 1
        if found != self._found:
            self._found = found
            self._row = Row([field for source in found for field in source.fields], self._tags)
        if self._tries == TRIES:
            self._files = [pair for pair in self._files if pair[0] in found]
        samples = self._row.samples(values, monotonic_seconds)
        samples = [sample for sample in samples if not isnan(sample.value)]
        return samples + self._share(samples)

    def close(self) -> None:
        """Close the files."""
        for _, file in self._files:
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
        self._files: dict[str, KeptFile] = {}
        self._newest: dict[str, float] = {}
        self._past = 0.0

    def value(self, directories: Sequence[str], *, keep: bool) -> float:
        """Return the sum over these directories and all that there were before."""
        for gone in self._files.keys() - set(directories):
            self._files.pop(gone).close()
            self._past += self._newest.pop(gone, 0)
        for directory in directories:
            file = self._files.get(directory)
            if file is None:
                file = KeptFile(_path(self._host, directory, "", self._source.name))
                self._files[directory] = file
            data = read_or_gone(file, keep=keep)
            if data is not None:
                [self._newest[directory]] = self._source.read(data)
        return self._past + sum(self._newest.values())

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()


def read_or_gone(file: KeptFile, *, keep: bool) -> bytes | None:
    """Return a file's content, or None when its cgroup has no such file or is gone.

    Raises:
        OSError: It is there and cannot be read.
    """
    try:
        return file.read()
    except OSError as exc:
        if exc.errno in GONE:
            return None
        raise
    finally:
        if not keep:
            file.close()


def _path(host: Host, directory: str, path: str, name: str) -> str:
    return host.path(f"{directory}/{path}/{name}" if path else f"{directory}/{name}")
