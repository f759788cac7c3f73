"""Tables of the kernel that can be full: open files, tasks, connections tracked, neighbours, packet queues.

Source: proc_sys_fs(5), proc_sys_kernel(5); kernel's nf_conntrack-sysctl.rst, ip-sysctl.rst (neigh);
net/core/net-procfs.c (softnet_stat: hexadecimal, a line per hardware thread).
"""

from contextlib import suppress
from math import isnan

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import CollectorUnavailable, Host, KeptFile, read_number
from pilothouse_agent.rates import Row, counter

FILES = "proc/sys/fs/file-nr"
NUMBERS = {
    "tasks_max": "proc/sys/kernel/threads-max",
    "pids_max": "proc/sys/kernel/pid_max",
    "conntrack_entries": "proc/sys/net/netfilter/nf_conntrack_count",
    "conntrack_max": "proc/sys/net/netfilter/nf_conntrack_max",
    "arp_max": "proc/sys/net/ipv4/neigh/default/gc_thresh3",
}
DETAILS = {"entropy_bits": "proc/sys/kernel/random/entropy_avail"}
SOFTNET = ("softnet_packets", "softnet_drops", "softnet_squeezes")
SOFTNET_BITS = 32


class LimitsCollector:
    """Reads how much is used and how much there may be; what this kernel lacks is left out."""

    name = "limits"

    def __init__(self, host: Host, options: Options) -> None:
        self._clock = host.clock
        self._open_files = host.open(FILES)
        self._neighbours = _open(host, host.network("arp"))
        self._softnet = _open(host, host.network("softnet_stat"))
        numbers = NUMBERS | (DETAILS if options.all_fields else {})
        self._numbers = {metric: host.path(path) for metric, path in numbers.items()}
        self._row = Row([counter(metric, bits=SOFTNET_BITS) for metric in SOFTNET])

    def collect(self) -> list[Sample]:
        """Return the levels, and what the queues of received packets do per second."""
        opened, _, most = self._open_files.read().split()
        values: dict[str, float] = {"files_open": int(opened), "files_max": int(most)}
        values |= {metric: read_number(path) for metric, path in self._numbers.items()}
        if self._neighbours is not None:
            values["arp_entries"] = len(self._neighbours.read().splitlines()) - 1
        samples = [Sample(name, value) for name, value in values.items() if not isnan(value)]
        if self._softnet is not None:
            lines = [line.split()[: len(SOFTNET)] for line in self._softnet.read().splitlines()]
            sums = [sum(int(word, 16) for word in column) for column in zip(*lines, strict=True)]
            samples += self._row.samples(sums, self._clock.monotonic())
        return samples

    def close(self) -> None:
        """Close the files."""
        for file in (self._open_files, self._neighbours, self._softnet):
            if file is not None:
                file.close()


def _open(host: Host, path: str) -> KeptFile | None:
    with suppress(CollectorUnavailable):  # a kernel without it
        return host.open(path)
    return None
