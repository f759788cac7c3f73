"""CPU time per mode, and what else /proc/stat counts. Source: proc_stat(5).

A mode's percentage is its part of all time that passed on the threads of that level.
"""

from collections.abc import Iterable
from operator import add

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import Host
from pilothouse_agent.rates import Field, Row, counter
from pilothouse_agent.topology import read_topology

MODES = tuple(
    f"cpu_{mode}"
    for mode in ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
)
GUEST_MODES = ("cpu_guest", "cpu_guest_nice")  # a part of user and nice, not beside them
KERNEL: dict[bytes, Field] = {
    b"intr": counter("interrupts"),
    b"ctxt": counter("context_switches"),
    b"processes": counter("forks"),
    b"procs_blocked": Field("proc_blocked"),
}
ALL_KERNEL = {**KERNEL, b"softirq": counter("softirqs"), b"procs_running": Field("proc_running")}
FIRST_NOT_MONOTONIC = 3  # idle and iowait may fall a little: kernel, proc.rst
LAST_NOT_MONOTONIC = 4


class CpuCollector:
    """Reads the ``cpu`` lines and the counters after them in one pass."""

    name = "cpu"

    def __init__(self, host: Host, options: Options) -> None:
        self._file = host.open("proc/stat")
        self._host = host
        self._levels = frozenset(options.cpu_levels)
        self._metrics = MODES + GUEST_MODES if options.all_fields else MODES
        self._kernel = ALL_KERNEL if options.all_fields else KERNEL
        self._before: dict[bytes, list[int]] = {}
        self._sockets: dict[bytes, str] = {}
        self._keys: list[bytes] = []
        self._row = Row(())

    def collect(self) -> list[Sample]:
        """Return percentages per level (none in the first interval) and the kernel's counters."""
        lines = self._file.read().split(b"\n")
        threads: dict[bytes, list[int]] = {}
        last = 0
        for last, line in enumerate(lines):
            if not line.startswith(b"cpu"):
                break
            if last == 0 or len(self._levels) > 1 or "node" not in self._levels:
                name, *values = line.split()
                threads[name] = list(map(int, values))
        samples = self._percentages(threads)
        samples += self._counters(lines[last:])
        return samples

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _percentages(self, threads: dict[bytes, list[int]]) -> list[Sample]:
        if threads.keys() != self._before.keys() and "socket" in self._levels:
            sockets = read_topology(self._host).sockets
            self._sockets = {b"cpu%d" % cpu: str(socket) for cpu, socket in sockets.items()}
        spent = _spent_of_all(self._before, threads)
        self._before = threads
        node = spent.pop(b"cpu", None)
        samples: list[Sample] = []
        if node is not None and "node" in self._levels:
            samples += self._modes(node, "node", "")
        if "socket" in self._levels:
            for socket, ticks in self._sum_sockets(spent).items():
                samples += self._modes(ticks, "socket", socket)
        if "hwthread" in self._levels:
            for name, ticks in spent.items():
                samples += self._modes(ticks, "hwthread", name[3:].decode())
        return samples

    def _sum_sockets(self, spent: dict[bytes, list[int]]) -> dict[str, list[int]]:
        sums: dict[str, list[int]] = {}
        for name, ticks in spent.items():
            socket = self._sockets.get(name)
            if socket is not None:
                so_far = sums.get(socket)
                sums[socket] = list(map(add, so_far, ticks)) if so_far else ticks
        return sums

    def _modes(self, spent: list[int], level: str, level_id: str) -> Iterable[Sample]:
        total = sum(spent[: len(MODES)])
        if total <= 0:  # offline, or the interval is shorter than a clock tick
            return ()
        k = 100 / total
        return [
            Sample(metric, ticks * k, level, level_id)
            for metric, ticks in zip(self._metrics, spent, strict=False)
        ]

    def _counters(self, lines: list[bytes]) -> list[Sample]:
        keys: list[bytes] = []
        values: list[int] = []
        for line in lines:
            words = line.split(b" ", 2)  # a third word of intr would be one per interrupt line
            if words[0] in self._kernel:
                keys.append(words[0])
                values.append(int(words[1]))
        if keys != self._keys:
            self._row = Row([self._kernel[key] for key in keys])
            self._keys = keys
        return self._row.samples(values, self._host.clock.monotonic())


def _spent_of_all(
    before: dict[bytes, list[int]], now: dict[bytes, list[int]]
) -> dict[bytes, list[int]]:
    pairs = ((name, _spent(before.get(name), ticks)) for name, ticks in now.items())
    return {name: ticks for name, ticks in pairs if ticks is not None}


def _spent(before: list[int] | None, now: list[int]) -> list[int] | None:
    """Return the ticks of each mode since the last time; None when there is no telling."""
    if before is None or len(before) != len(now):
        return None
    spent = [b - a for a, b in zip(before, now, strict=True)]
    if min(spent) < 0:
        for i, ticks in enumerate(spent):
            if ticks < 0:
                if not FIRST_NOT_MONOTONIC <= i <= LAST_NOT_MONOTONIC:
                    return None
                spent[i] = 0
    return spent
