"""Counting units that describe themselves in /sys. Source: sysfs-bus-event_source-devices-{events,format}."""

import re
from dataclasses import dataclass, replace

from pilothouse_agent.host import Host

DEVICES = "sys/bus/event_source/devices"
HARDWARE, SOFTWARE, RAW = 0, 1, 4  # perf_event_open(2): types that need no description
BYTES_OF_UNIT = {"MiB": 1 << 20}
_FORMAT = re.compile(r"(config[12]?):([\d,-]+)")


@dataclass(frozen=True, slots=True)
class Event:
    """What perf_event_attr says of an event."""

    type: int
    config: int
    config1: int = 0
    config2: int = 0


class Pmu:
    """One unit, by the name of its directory."""

    def __init__(self, host: Host, name: str) -> None:
        self._host = host
        self.name = name
        self.type = host.number(f"{DEVICES}/{name}/type")

    def names(self) -> list[str]:
        """Return the names of the events that it describes."""
        return [n for n in self._host.names(f"{DEVICES}/{self.name}/events") if "." not in n]

    def cpus(self) -> list[int]:
        """Return the hardware threads on which its events are opened, one for each part of the node."""
        return parse_cpus(self._host.read(f"{DEVICES}/{self.name}/cpumask"))

    def named(self, name: str) -> Event | None:
        """Return the event that it describes by a name."""
        return self.event(self._host.read(f"{DEVICES}/{self.name}/events/{name}"))

    def event(self, description: str) -> Event | None:
        """Return the event of a description, ``event=0x04,umask=0x03``; None when it makes no sense here."""
        if self.type is None or not description:
            return None
        event = Event(self.type, 0)
        for term in description.split(","):
            name, _, text = term.partition("=")
            layout = _FORMAT.fullmatch(
                self._host.read(f"{DEVICES}/{self.name}/format/{name.strip()}")
            )
            try:
                value = int(text or "1", 0)
                if layout is None:
                    return None
                bits = spread(value, layout[2])
            except ValueError:
                return None
            event = replace(event, **{layout[1]: getattr(event, layout[1]) | bits})
        return event

    def bytes_per_count(self, name: str) -> float:
        """Return the event's scale; without one it counts cache lines."""
        at = f"{DEVICES}/{self.name}/events/{name}"
        unit = BYTES_OF_UNIT.get(self._host.read(f"{at}.unit"))
        try:
            return float(self._host.read(f"{at}.scale")) * unit if unit else 64
        except ValueError:
            return 64


def units(host: Host, prefix: str) -> list[Pmu]:
    """Return the units whose names begin so: ``uncore_imc_0``, ``uncore_imc_1``."""
    return [Pmu(host, name) for name in host.names(DEVICES) if name.startswith(prefix)]


def spread(value: int, ranges: str) -> int:
    """Return a value's bits, lowest first, at the places of ``0-7,32-35``."""
    bits = 0
    for part in ranges.split(","):
        first, _, last = part.partition("-")
        low, high = int(first), int(last or first)
        width = high - low + 1
        bits |= (value & ((1 << width) - 1)) << low
        value >>= width
    return bits & (1 << 64) - 1


def parse_cpus(text: str) -> list[int]:
    """Return the numbers of ``0-3,64``; none when it is no such list."""
    cpus: list[int] = []
    try:
        for part in filter(None, text.split(",")):
            first, _, last = part.partition("-")
            cpus += range(int(first), min(int(last or first), int(first) + 8192) + 1)
    except ValueError:
        return []
    return cpus
