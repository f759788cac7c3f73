"""Hardware counters through the kernel's perf events. Source: perf_event_open(2).

They are shared with users' profilers by turns.
"""

from collections.abc import Iterable

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.counters.groups import CounterGroup
from pilothouse_agent.counters.lock import CountersLock
from pilothouse_agent.counters.offer import Offer, offers
from pilothouse_agent.host import CollectorUnavailable, Host
from pilothouse_agent.topology import read_topology

PARANOID = "proc/sys/kernel/perf_event_paranoid"
DESCRIPTORS_LEFT = 256  # for everything else that the agent opens
HIDDEN = frozenset(  # only parts of ratios
    {"scalar", "packed", "branch_instructions", "aperf", "mperf", "tsc", "clock_threads"}
)

Sums = dict[str, float]


class PerfSource:
    """Opens each group on each hardware thread once, and reads it by one call."""

    def __init__(self, host: Host, options: Options) -> None:
        self._host = host
        self._levels = options.cpu_levels
        self._software = options.all_fields
        self._lock = CountersLock(host.path(options.counters_lock))
        self._sockets = read_topology(host).sockets
        self._groups: list[tuple[Offer, CounterGroup]] = []
        self._time = 0.0
        if self._lock.taken():
            return
        self._open()
        if not self._groups:
            raise CollectorUnavailable("perf_event_open: no hardware counters here")

    def collect(self) -> list[Sample]:
        """Return rates over the interval per socket and of the node; nothing while another has the lock."""
        if self._lock.taken():
            self.close()
            return []
        if not self._groups:
            self._open()
        now = self._host.clock.monotonic()
        seconds, self._time = now - self._time, now
        sums: dict[str, Sums] = {}
        unknown: set[str] = set()
        for offer, group in self._groups:
            self._add(offer, group, sums, unknown)
        samples: list[Sample] = []
        if "socket" in self._levels:
            for socket, each in sorted(sums.items()):
                samples += _samples(each, unknown, seconds, ("socket", socket))
        if "node" in self._levels:
            samples += _samples(_total(sums.values()), unknown, seconds, ("node", ""))
        return samples

    def close(self) -> None:
        """Give the counters back."""
        for _, group in self._groups:
            group.close()
        self._groups = []

    def _open(self) -> None:
        left = self._host.kernel.descriptor_limit() - DESCRIPTORS_LEFT
        cpus = tuple(sorted(self._sockets))
        for offer in offers(self._host, software=self._software):
            where = cpus if offer.cpus is None else offer.cpus
            left -= len(where) * len(offer.events)
            if left < 0 or not where:
                break
            try:
                group = CounterGroup(self._host.kernel, offer.events, where)
            except PermissionError as exc:
                self.close()
                level = self._host.read(PARANOID) or "?"
                raise CollectorUnavailable(
                    f"perf_event_open: {exc.strerror}: the agent needs CAP_PERFMON (or root), or "
                    f"kernel.perf_event_paranoid below 1; it is {level}"
                ) from exc
            except OSError:  # this CPU has no such event, or no counter for so many
                left += len(where) * len(offer.events)
                continue
            self._groups.append((offer, group))

    def _add(
        self, offer: Offer, group: CounterGroup, sums: dict[str, Sums], unknown: set[str]
    ) -> None:
        for cpu, increases in group.increases().items():
            if increases is None:
                unknown.update(name for adds in offer.adds for name, _ in adds)
                continue
            of_socket = sums.setdefault(str(self._sockets.get(cpu, 0)), {})
            if offer.threads:
                of_socket[offer.threads] = of_socket.get(offer.threads, 0.0) + 1
            for adds, increase in zip(offer.adds, increases, strict=True):
                for name, weight in adds:
                    of_socket[name] = of_socket.get(name, 0.0) + increase * weight


def _total(parts: Iterable[Sums]) -> Sums:
    total: Sums = {}
    for part in parts:
        for name, value in part.items():
            total[name] = total.get(name, 0.0) + value
    return total


def _samples(sums: Sums, unknown: set[str], seconds: float, tags: tuple[str, str]) -> list[Sample]:
    """Return rates and ratios; a sum to which a part is missing is not told."""
    known = {name: value for name, value in sums.items() if name not in unknown}
    for whole, one, other in (
        ("mem_bw", "mem_read_bw", "mem_write_bw"),
        ("flops_any", "flops_dp", "flops_sp"),
    ):
        if one in known and other in known:
            known[whole] = known[one] + known[other]
    shown = [name for name in known if name not in HIDDEN]
    samples = [Sample(name, known[name] / seconds, *tags) for name in shown if seconds > 0]
    packed, scalar = known.get("packed", 0.0), known.get("scalar", 0.0)
    nominal = known.get("tsc", 0.0) / (known.get("clock_threads", 1.0) * seconds or 1.0)
    ratios = (
        ("clock_busy", known.get("aperf"), known.get("mperf"), nominal),
        ("ipc", known.get("instructions"), known.get("cycles"), 1),
        ("vectorization_ratio", packed, packed + scalar, 100),
        ("cache_miss_ratio", known.get("cache_misses"), known.get("cache_references"), 100),
        ("branch_miss_ratio", known.get("branch_misses"), known.get("branch_instructions"), 100),
    )
    for name, part, of, factor in ratios:
        if part is not None and of:
            samples.append(Sample(name, factor * part / of, *tags))
    return samples
