"""Thermal zones, cooling devices and throttling. Source: kernel's thermal sysfs-api.rst, x86 CPU sysfs ABI.

The counts of ``thermal_throttle`` go up when a core or a package became too hot.
"""

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import CollectorUnavailable, Host
from pilothouse_agent.rates import Row, counter, sum_by_name
from pilothouse_agent.topology import CPUS, read_topology

THERMAL = "sys/class/thermal"
DEGREE = 0.001
PERCENT_PER_MILLISECOND = 0.1
MOST_DEVICES = 512
CORE, PACKAGE = "core_throttle_count", "package_throttle_count"
PACKAGE_TIME = "package_throttle_total_time_ms"  # since Linux 5.6


class ThermalCollector:
    """Reads small files, each opened anew: they are many and asked rarely."""

    name = "thermal"

    def __init__(self, host: Host, options: Options) -> None:  # noqa: ARG002 the shape of all
        self._host = host
        names = host.names(THERMAL)[:MOST_DEVICES]
        self._zones = _labelled(host, [n for n in names if n.startswith("thermal_zone")])
        self._coolers = self._find_coolers([n for n in names if n.startswith("cooling_device")])
        self._cores = self._find_cores()
        self._rows = {
            socket: Row(
                [
                    counter("throttle_cores"),
                    counter("throttle_package"),
                    counter("throttle_package_time", PERCENT_PER_MILLISECOND),
                ],
                ("socket", str(socket)),
            )
            for socket in self._cores
        }
        if not (self._zones or self._coolers or self._cores):
            raise CollectorUnavailable(f"{host.path(THERMAL)}: no zone, and no throttle counts")

    def collect(self) -> list[Sample]:
        """Return temperatures by zone, cooling by type, and throttling of each socket and the node."""
        samples = []
        for name, label in self._zones.items():
            value = self._host.number(f"{THERMAL}/{name}/temp")
            if value is not None:  # a zone that is switched off answers with an error
                tags = ("node", "", "zone", label)
                samples.append(Sample("zone_temperature", value * DEGREE, *tags))
        throttling = self._throttling()
        return samples + self._cooling() + throttling + sum_by_name(throttling, ("throttle_cores",))

    def close(self) -> None:
        """Nothing is kept open."""

    def _find_coolers(self, names: list[str]) -> list[tuple[str, str, int]]:
        """Return path, type and highest state of each; one that cannot be set has none."""
        found = []
        for name in names:
            highest = self._host.number(f"{THERMAL}/{name}/max_state") or 0
            if highest > 0:
                found.append((name, self._host.read(f"{THERMAL}/{name}/type") or name, highest))
        return found

    def _find_cores(self) -> dict[int, list[str]]:
        """Return one thread of each core that has counts, by socket."""
        topology = read_topology(self._host)
        one_of = {core: thread for thread, core in sorted(topology.cores.items(), reverse=True)}
        cores: dict[int, list[str]] = {}
        for (socket, _), thread in sorted(one_of.items()):
            at = f"{CPUS}/cpu{thread}/thermal_throttle"
            if self._host.number(f"{at}/{CORE}") is not None:
                cores.setdefault(socket, []).append(at)
        return cores

    def _cooling(self) -> list[Sample]:
        """Return how far each type is on, mean of its devices: a node has one for every thread."""
        parts: dict[str, list[float]] = {}
        for name, kind, highest in self._coolers:
            state = self._host.number(f"{THERMAL}/{name}/cur_state")
            if state is not None:
                parts.setdefault(kind, []).append(100 * state / highest)
        return [
            Sample("cooling_state", sum(each) / len(each), "node", "", "cooling", kind)
            for kind, each in parts.items()
        ]

    def _throttling(self) -> list[Sample]:
        now = self._host.clock.monotonic()
        samples: list[Sample] = []
        for socket, cores in self._cores.items():
            of_cores = sum(self._host.number(f"{at}/{CORE}") or 0 for at in cores)
            package = self._host.number(f"{cores[0]}/{PACKAGE}") or 0
            spent = self._host.number(f"{cores[0]}/{PACKAGE_TIME}")
            values = [of_cores, package, float("nan") if spent is None else spent]
            samples += self._rows[socket].samples(values, now)
        return samples


def _labelled(host: Host, names: list[str]) -> dict[str, str]:
    """Return each zone's type, with its number where several have the same."""
    types = {name: host.read(f"{THERMAL}/{name}/type") or name for name in names}
    kinds = list(types.values())
    return {n: f"{t}.{n[12:]}" if kinds.count(t) > 1 else t for n, t in types.items()}
