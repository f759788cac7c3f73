"""Energy and power of CPU packages and memory. Source: kernel's powercap.rst (RAPL; AMD's has the same form).

Files of ``/sys/class/powercap`` are read, not registers. Only root may: by the energy of an instruction
others could tell its data (CVE-2020-8694).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import CollectorUnavailable, Host, KeptFile
from pilothouse_agent.power import EnergyCounter, Spent
from pilothouse_agent.rates import sum_by_name

POWERCAP = "sys/class/powercap"
MICROJOULE = 1e-6
MOST_WATTS = {"psys": 5000.0}
MOST_WATTS_OF_OTHERS = 1000.0
ACCOUNTED = ("package", "dram")  # core and uncore are parts of the package
METRICS = {"package": "cpu", "dram": "mem", "core": "core", "uncore": "uncore", "psys": "psys"}
_ZONE = re.compile(r"(intel-rapl(?:-mmio)?):\d+(?::\d+)?")
_PACKAGE = re.compile(r"package-(\d+)(?:-die-\d+)?")


@dataclass(frozen=True, slots=True)
class Domain:
    """One counter: of which kind, in which socket ("" for the platform)."""

    kind: str
    socket: str
    file: KeptFile
    counter: EnergyCounter


class RaplCollector:
    """Reads ``energy_uj`` of each zone, which wraps at ``max_energy_range_uj``."""

    name = "rapl"

    def __init__(self, host: Host, options: Options) -> None:  # noqa: ARG002 the shape of all
        self._host = host
        self._domains = list(_find_domains(host))
        if not self._domains:
            raise CollectorUnavailable(f"{host.path(POWERCAP)}: no RAPL zone")
        host.power.announce(self.name)
        self._totals: dict[tuple[str, str], float] = {}

    def collect(self) -> list[Sample]:
        """Return mean power over the interval and energy since the start, per socket and of the node."""
        now = self._host.clock.monotonic()
        found: dict[tuple[str, str], list[Spent | None]] = {}
        for domain in self._domains:
            spent = domain.counter.add(int(domain.file.read()) * MICROJOULE, now)
            found.setdefault((domain.kind, domain.socket), []).append(spent)
        sums = {part: _sum(each) for part, each in found.items()}
        self._account(sums)
        samples: list[Sample] = []
        for (kind, socket), spent in sums.items():
            if spent is not None:
                samples += self._samples(kind, socket, spent)
        unknown = {f"{METRICS[kind]}_power" for (kind, _), spent in sums.items() if spent is None}
        of_sockets = [sample for sample in samples if sample.type == "socket"]
        names = dict.fromkeys(s.name for s in of_sockets if s.name not in unknown)
        return samples + sum_by_name(of_sockets, names)

    def close(self) -> None:
        """Close the files."""
        for domain in self._domains:
            domain.file.close()

    def _account(self, sums: dict[tuple[str, str], Spent | None]) -> None:
        parts = [spent for (kind, _), spent in sums.items() if kind in ACCOUNTED]
        self._host.power.tell("rapl", _sum(parts))
        self._host.power.tell("psys", sums.get(("psys", "")))

    def _samples(self, kind: str, socket: str, spent: Spent) -> list[Sample]:
        total = self._totals.get((kind, socket), 0) + spent.joules
        self._totals[kind, socket] = total
        tags = ("socket", socket) if socket else ("node", "")
        name = METRICS[kind]
        return [
            Sample(f"{name}_power", spent.watts, *tags),
            Sample(f"{name}_energy", total, *tags),
        ]


def _sum(parts: list[Spent | None]) -> Spent | None:
    """Return the sum of parts that were read together; None when one of them is not known."""
    known = [part for part in parts if part is not None]
    if not known or len(known) < len(parts):
        return None
    return Spent(sum(part.joules for part in known), known[0].seconds, known[0].at)


def _find_domains(host: Host) -> Iterator[Domain]:
    """Yield what can be read; registers mapped to memory show the same package again."""
    matches = [m for m in map(_ZONE.fullmatch, host.names(POWERCAP)) if m]
    first = min((m[1] for m in matches), default="")
    sockets: dict[str, str] = {}
    for zone in (m[0] for m in matches if m[1] == first):
        kind = host.read(f"{POWERCAP}/{zone}/name")
        package = _PACKAGE.fullmatch(kind)
        if package:
            kind, sockets[zone] = "package", package[1]
        parent = zone if zone.count(":") == 1 else zone.rpartition(":")[0]
        if kind in METRICS:
            most = MOST_WATTS.get(kind, MOST_WATTS_OF_OTHERS)
            limit = host.number(f"{POWERCAP}/{zone}/max_energy_range_uj")
            counter = EnergyCounter(limit * MICROJOULE if limit else inf, most_watts=most)
            socket = "" if kind == "psys" else sockets.get(parent, "0")
            yield Domain(kind, socket, _open(host, zone), counter)


def _open(host: Host, zone: str) -> KeptFile:
    try:
        return host.open(f"{POWERCAP}/{zone}/energy_uj")
    except CollectorUnavailable as exc:
        if isinstance(exc.__cause__, PermissionError):
            hint = "only root, or who has CAP_DAC_READ_SEARCH, may read it (CVE-2020-8694)"
            raise CollectorUnavailable(f"{exc}: {hint}") from exc
        raise
