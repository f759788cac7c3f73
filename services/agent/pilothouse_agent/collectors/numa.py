"""Memory of each NUMA domain, and where pages came from. Source: kernel's numastat.rst, node sysfs ABI."""

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import CollectorUnavailable, Host, KeptFile
from pilothouse_agent.rates import Row, counter

NODES = "sys/devices/system/node"
KIBIBYTE = 1024
FIELDS = {b"MemTotal:": "mem_total", b"MemFree:": "mem_free"}
CACHED = b"FilePages:"  # page cache and buffers
COUNTERS = {b"numa_hit": "numa_hit", b"numa_miss": "numa_miss", b"numa_foreign": "numa_foreign"}
ALL_COUNTERS = {
    **COUNTERS,
    b"interleave_hit": "numa_interleave_hit",
    b"local_node": "numa_local",
    b"other_node": "numa_other",
}


class Domain:
    """One ``nodeN``: its two files and its counters."""

    def __init__(self, host: Host, number: int) -> None:
        self.meminfo = host.open(f"{NODES}/node{number}/meminfo")
        self.numastat = host.open(f"{NODES}/node{number}/numastat")
        self.tags = ("memoryDomain", str(number))
        self.keys: list[bytes] = []
        self.row = Row(())

    def files(self) -> tuple[KeptFile, KeptFile]:
        """Return what is to be closed."""
        return self.meminfo, self.numastat


class NumaCollector:
    """Reads ``Node 0 MemFree:  123 kB`` and ``numa_hit 4711`` of every domain."""

    name = "numa"

    def __init__(self, host: Host, options: Options) -> None:
        self._clock = host.clock
        self._counters = ALL_COUNTERS if options.all_fields else COUNTERS
        names = (name[4:] for name in host.names(NODES) if name.startswith("node"))
        numbers = sorted(int(number) for number in names if number.isdecimal())
        if len(numbers) < 2:
            raise CollectorUnavailable("one memory domain: it is the node's memory")
        self._domains = [Domain(host, number) for number in numbers]

    def collect(self) -> list[Sample]:
        """Return size, used and free memory, and allocations per second, of each domain."""
        samples: list[Sample] = []
        for domain in self._domains:
            samples += self._memory(domain)
            words = domain.numastat.read().split()
            keys = words[::2]
            if keys != domain.keys:
                metrics = [self._counters.get(key) for key in keys]
                domain.keys = keys
                domain.row = Row([counter(m) if m else None for m in metrics], domain.tags)
            samples += domain.row.samples(list(map(int, words[1::2])), self._clock.monotonic())
        return samples

    def close(self) -> None:
        """Close the files."""
        for domain in self._domains:
            for file in domain.files():
                file.close()

    def _memory(self, domain: Domain) -> list[Sample]:
        lines = [line.split() for line in domain.meminfo.read().splitlines()]
        values = {words[2]: int(words[3]) * KIBIBYTE for words in lines}
        used = values[b"MemTotal:"] - values[b"MemFree:"] - values[CACHED]
        samples = [Sample(metric, values[key], *domain.tags) for key, metric in FIELDS.items()]
        samples.append(Sample("mem_used", max(0, used), *domain.tags))
        return samples
