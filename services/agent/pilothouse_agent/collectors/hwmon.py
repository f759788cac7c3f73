"""Sensors: temperatures, fans, voltages, power. Source: kernel's hwmon sysfs-interface.rst."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import CollectorUnavailable, Host

HWMON = "sys/class/hwmon"
MOST_SENSORS = 512
KINDS: dict[str, tuple[str, float]] = {
    "temp": ("sensor_temperature", 1e-3),
    "fan": ("sensor_fan_rpm", 1),
    "in": ("sensor_voltage", 1e-3),
    "curr": ("sensor_current", 1e-3),
    "power": ("sensor_power", 1e-6),
    "energy": ("sensor_energy", 1e-6),
}
_FILE = re.compile(r"(temp|fan|in|curr|power|energy)(\d+)_(input|average)")
_CORE = re.compile(r"Core \d+")
_PACKAGE = re.compile(r"coretemp.*/Package id (\d+)")


@dataclass(frozen=True, slots=True)
class Sensor:
    """One value of one chip: where it is read, and how it is told."""

    path: str
    metric: str
    factor: float
    tags: tuple[str, ...]


class HwmonCollector:
    """Reads each sensor's file, opened anew: they are many and asked rarely."""

    name = "hwmon"

    def __init__(self, host: Host, options: Options) -> None:
        self._host = host
        self._all = options.all_fields
        self._chips: list[str] = []
        self._sensors: list[Sensor] = []
        self._plan(host.names(HWMON))
        if not self._sensors:
            raise CollectorUnavailable(f"{host.path(HWMON)}: no sensor")

    def collect(self) -> list[Sample]:
        """Return what each sensor says, ``stype=sensor``; one that has no value now is left out."""
        chips = self._host.names(HWMON)
        if chips != self._chips:
            self._plan(chips)
        samples = []
        for sensor in self._sensors:
            value = self._host.number(sensor.path)
            if value is not None:
                samples.append(Sample(sensor.metric, value * sensor.factor, *sensor.tags))
        return samples

    def close(self) -> None:
        """Nothing is kept open."""

    def _plan(self, chips: list[str]) -> None:
        self._chips = chips
        names = {chip: _chip_name(self._host, chip) for chip in chips}
        known = list(names.values())
        sensors: list[Sensor] = []
        for chip, name in names.items():
            unique = name if known.count(name) == 1 else f"{name}.{chip}"
            sensors += self._sensors_of(chip, unique)
        self._sensors = sensors[:MOST_SENSORS]

    def _sensors_of(self, chip: str, name: str) -> Iterator[Sensor]:
        files = self._host.names(f"{HWMON}/{chip}")
        for file in files:
            match = _FILE.fullmatch(file)
            if match is None:
                continue
            kind, number, form = match.groups()
            if form == "average" and f"{kind}{number}_input" in files:
                continue
            label = self._host.read(f"{HWMON}/{chip}/{kind}{number}_label") or f"{kind}{number}"
            if _CORE.fullmatch(label) and not self._all:
                continue  # the package's sensor tells the hottest of its cores
            metric, factor = KINDS[kind]
            part = f"{name}/{label}"
            path = f"{HWMON}/{chip}/{file}"
            yield Sensor(path, metric, factor, ("node", "", "sensor", part))
            package = _PACKAGE.fullmatch(part)
            if package and kind == "temp":
                yield Sensor(path, "cpu_temperature", factor, ("socket", package[1]))


def _chip_name(host: Host, chip: str) -> str:
    """Return a name that stays over a reboot: the driver's with the device's, ``nvme.nvme0``."""
    name = host.read(f"{HWMON}/{chip}/name") or chip
    link = host.path(f"{HWMON}/{chip}/device")
    if not os.path.islink(link):
        return name
    device = os.path.basename(os.path.realpath(link))
    return device if device.startswith(name) else f"{name}.{device}"
