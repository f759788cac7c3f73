"""Reads one file of a Lustre client's statistics, ``llite.<name>.stats``.

Source: Lustre Operations Manual; lustre/obdclass/lprocfs_counters.c. A line appears when its operation is
used for the first time.
"""

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.host import KeptFile
from pilothouse_agent.rates import Mean, Row, counter

MICROSECOND = 1e-6
SUM_COLUMN = 6  # name count samples [unit] minimum maximum sum
USUAL = {
    "read_bytes": "lustre_read_req",
    "write_bytes": "lustre_write_req",
    "open": "lustre_open",
    "close": "lustre_close",
    "seek": "lustre_seek",
    "fsync": "lustre_fsync",
    "create": "lustre_create",
    "getattr": "lustre_getattr",
    "inode_permission": "lustre_accesses",
}
BYTES = {"read_bytes": "lustre_read_bw", "write_bytes": "lustre_write_bw"}
LATENCIES = {"read": "lustre_read_latency", "write": "lustre_write_latency"}


class Client:
    """The statistics file of one mounted file system (``scratch-ffff9bc043537800``)."""

    def __init__(self, file: KeptFile, all_fields: bool) -> None:
        self.file = file
        self._all = all_fields
        self._tags: tuple[str, ...] = ()
        self._names: list[str] = []
        self._row = Row(())
        self._before: tuple[dict[str, tuple[int, int]], float] | None = None
        self._means: list[tuple[str, Mean]] = []

    def tell_as(self, identity: str) -> None:
        """Set the ``stype-id`` of its samples."""
        tags = ("node", "", "filesystem", identity)
        if tags != self._tags:
            self._tags, self._names = tags, []
            self._means = [(op, Mean(m, MICROSECOND, tags)) for op, m in LATENCIES.items()]

    def samples(self, now: float) -> list[Sample]:
        """Return its rates since the last call.

        Raises:
            OSError: It was unmounted just now.
        """
        stats = parse_stats(self.file.read())
        names = [*USUAL, *(sorted(stats.keys() - USUAL.keys()) if self._all else ())]
        if names != self._names:
            self._begin(names)
        samples = self._row.samples(self._values(stats), now)
        for operation, mean in self._means:
            count, total = stats.get(operation, (0, 0))
            samples += mean.samples(total, count)
        self._before = stats, now
        return samples

    def _begin(self, names: list[str]) -> None:
        """Go on with more names: what had no line before had happened no time."""
        self._names = names
        fields = [counter(metric) for metric in BYTES.values()]
        fields += [counter(USUAL.get(name, f"lustre_{name}")) for name in names]
        self._row = Row(fields, self._tags)
        if self._before is not None:
            stats, time = self._before
            self._row.samples(self._values(stats), time)

    def _values(self, stats: dict[str, tuple[int, int]]) -> list[int]:
        none = (0, 0)
        values = [stats.get(name, none)[1] for name in BYTES]
        return values + [stats.get(name, none)[0] for name in self._names]


def parse_stats(text: bytes) -> dict[str, tuple[int, int]]:
    """Return count and sum by name: ``write_bytes 4 samples [bytes] 4096 1048576 2097152``.

    The sum is zero where the line has none (``[reqs]``).
    """
    stats: dict[str, tuple[int, int]] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) > 3 and words[2] == b"samples":
            total = int(words[SUM_COLUMN]) if len(words) > SUM_COLUMN else 0
            stats[words[0].decode("ascii", "replace")] = int(words[1]), total
    return stats
