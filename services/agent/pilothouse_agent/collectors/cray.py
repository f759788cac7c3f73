"""What a Cray node's controller measures, ten times a second. Source: User Access to Compute Node Power Data.

The node's power and energy hold those of its accelerators.
"""

import re
from dataclasses import dataclass

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import CollectorUnavailable, Host, KeptFile
from pilothouse_agent.power import EnergyCounter

COUNTERS = "sys/cray/pm_counters"
MOST_WATTS = 20_000.0
_FILE = re.compile(r"(?:(cpu|memory|accel)(\d*)_)?(power|energy)(_cap)?")


class StandsStill(Exception):
    """The controller no longer updates its counters."""


@dataclass(frozen=True, slots=True)
class Value:
    """One file: its metric and tags; ``whole`` is the node's energy."""

    file: KeptFile
    metric: str
    tags: tuple[str, ...]
    whole: bool


class CrayCollector:
    """Reads files ``245 W 1530552436262450 us``, and ``freshness``, which counts the updates."""

    name = "cray"

    def __init__(self, host: Host, options: Options) -> None:
        self._host = host
        self._freshness = host.open(f"{COUNTERS}/freshness")
        self._fresh: bytes | None = None
        self._values = list(self._find(options.all_fields))
        self._energy = EnergyCounter(most_watts=MOST_WATTS)
        host.power.announce(self.name)

    def collect(self) -> list[Sample]:
        """Return power now and energy since the controller started, of the node and its parts.

        Raises:
            StandsStill: There was no update since the last call.
        """
        fresh = self._freshness.read()
        if fresh == self._fresh:
            raise StandsStill(f"{self._freshness.path}: no update since the last reading")
        self._fresh = fresh
        samples = []
        for value in self._values:
            number = int(value.file.read().split(None, 1)[0])
            samples.append(Sample(value.metric, number, *value.tags))
            if value.whole:
                spent = self._energy.add(number, self._host.clock.monotonic())
                self._host.power.tell("cray", spent)
        return samples

    def close(self) -> None:
        """Close the files."""
        self._freshness.close()
        for value in self._values:
            value.file.close()

    def _find(self, everything: bool) -> list[Value]:
        values = []
        for name in self._host.names(COUNTERS):
            match = _FILE.fullmatch(name)
            if match is None or (match[4] and not everything):
                continue
            part, number, quantity, cap = match.groups()
            metric = "_".join(filter(None, ("cray", part, quantity + (cap or ""))))
            tags = ("node", "", part, number) if number else ("node", "")
            file = self._host.open(f"{COUNTERS}/{name}")
            values.append(Value(file, metric, tags, name == "energy"))
        if not values:
            raise CollectorUnavailable(f"{self._host.path(COUNTERS)}: no power, no energy")
        return values
