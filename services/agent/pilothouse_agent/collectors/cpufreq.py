"""Clock of the cores. Source: kernel's cpufreq.rst (``scaling_cur_freq``).

Threads of one core share its clock, so one of them is asked; of many cores (kernels before 5.18 may take
10 ms for each) some per call, evenly spread, and others the next time.
"""

from collections.abc import Sequence

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import CollectorUnavailable, Host
from pilothouse_agent.topology import read_topology

POLICIES = "sys/devices/system/cpu/cpufreq"
HERTZ_PER_UNIT = 1000
MOST_PER_CALL = 64


class CpufreqCollector:
    """Reads ``3500000`` of one policy per core; a policy is named by the first thread that it is for."""

    name = "cpufreq"

    def __init__(self, host: Host, options: Options) -> None:
        self._host = host
        self._levels = options.cpu_levels
        self._calls = 0
        topology = read_topology(host)
        names = (name[6:] for name in host.names(POLICIES) if name.startswith("policy"))
        threads = sorted(int(number) for number in names if number.isdecimal())
        one_of = {topology.cores.get(thread, (0, thread)): thread for thread in reversed(threads)}
        self._threads = sorted(one_of.values())
        self._sockets = {thread: topology.sockets.get(thread, 0) for thread in self._threads}
        if not any(self._hertz(thread) for thread in self._threads[:1]):
            raise CollectorUnavailable(f"{host.path(POLICIES)}: no policy tells a frequency")

    def collect(self) -> list[Sample]:
        """Return mean, lowest and highest clock per level."""
        stride = -(-len(self._threads) // MOST_PER_CALL)
        asked = self._threads[self._calls % stride :: stride]
        self._calls += 1
        answers = ((thread, self._hertz(thread)) for thread in asked)
        clocks = {thread: hertz for thread, hertz in answers if hertz}  # a thread may go offline
        samples: list[Sample] = []
        if "node" in self._levels and clocks:
            samples += _summary(list(clocks.values()), "node", "")
        if "socket" in self._levels:
            for socket in sorted({self._sockets[thread] for thread in clocks}):
                of_it = [hertz for t, hertz in clocks.items() if self._sockets[t] == socket]
                samples += _summary(of_it, "socket", str(socket))
        if "hwthread" in self._levels:
            samples += [Sample("clock", hz, "hwthread", str(t)) for t, hz in clocks.items()]
        return samples

    def close(self) -> None:
        """Nothing is kept open: a descriptor per core would be too many."""

    def _hertz(self, thread: int) -> int:
        value = self._host.number(f"{POLICIES}/policy{thread}/scaling_cur_freq")
        return (value or 0) * HERTZ_PER_UNIT


def _summary(clocks: Sequence[int], level: str, level_id: str) -> list[Sample]:
    return [
        Sample("clock", sum(clocks) / len(clocks), level, level_id),
        Sample("clock_min", min(clocks), level, level_id),
        Sample("clock_max", max(clocks), level, level_id),
    ]
