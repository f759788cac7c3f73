"""Memory and swap. Source: proc_meminfo(5); ClusterCockpit's names, in bytes."""

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import Host
from pilothouse_agent.rates import Field, Row

FIELDS = {
    b"MemTotal:": "mem_total",
    b"MemFree:": "mem_free",
    b"MemAvailable:": "mem_available",
    b"Buffers:": "mem_buffers",
    b"Cached:": "mem_cached",
    b"Shmem:": "mem_shared",
    b"Slab:": "mem_slab",
    b"SReclaimable:": "mem_sreclaimable",
    b"AnonPages:": "mem_anon",
    b"Dirty:": "mem_dirty",
    b"Writeback:": "mem_writeback",
    b"Committed_AS:": "mem_committed",
    b"SwapTotal:": "swap_total",
    b"SwapFree:": "swap_free",
    b"SwapCached:": "swap_cached",
}
USED = (b"MemTotal:", b"MemFree:", b"Buffers:", b"Cached:")
SWAP_USED = (b"SwapTotal:", b"SwapFree:")


class MemoryCollector:
    """Reads lines ``MemFree:  123 kB``; lines without a unit are plain numbers."""

    name = "memory"

    def __init__(self, host: Host, options: Options) -> None:
        self._file = host.open("proc/meminfo")
        self._clock = host.clock
        self._all = options.all_fields
        self._keys: list[bytes] = []
        self._row = Row(())
        self._used: list[int] = []
        self._swap: list[int] = []

    def collect(self) -> list[Sample]:
        """Return the fields, ``mem_used`` and ``swap_used``."""
        words = self._file.read().replace(b" kB\n", b"\n").split()
        keys, values = words[::2], list(map(int, words[1::2]))
        if keys != self._keys:
            self._plan(keys)
        samples = self._row.samples(values, 0.0)
        samples.append(Sample("mem_used", _rest(values, self._used)))
        if self._swap:
            samples.append(Sample("swap_used", _rest(values, self._swap)))
        return samples

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _plan(self, keys: list[bytes]) -> None:
        self._used = [keys.index(key) for key in USED]
        self._swap = [keys.index(key) for key in SWAP_USED if key in keys]
        self._row = Row([self._field(key) for key in keys])
        self._keys = keys

    def _field(self, key: bytes) -> Field | None:
        metric = FIELDS.get(key)
        if metric is None and self._all:
            name = key.decode("ascii", "replace").lower()  # Active(anon): becomes active_anon
            metric = "meminfo_" + name.rstrip("):").replace("(", "_")
        factor = 1 if key.startswith(b"HugePages_") else 1024
        return Field(metric, factor=factor) if metric else None


def _rest(values: list[int], columns: list[int]) -> int:
    """Return the first column less all others, in bytes (ClusterCockpit's reckoning of used)."""
    first, *others = (values[i] for i in columns)
    return max(0, first - sum(others)) * 1024
