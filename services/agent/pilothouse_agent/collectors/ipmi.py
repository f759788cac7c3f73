"""The management controller's power reading and sensors. Source: DCMI 1.5, section 6.6.1; IPMI 2.0."""

import struct
import time

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.bmc.device import Controller, Refused
from pilothouse_agent.bmc.sensors import Repository
from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import Host
from pilothouse_agent.power import PowerIntegral

GROUP_EXTENSION, GET_POWER = 0x2C, 0x02
DCMI = b"\xdc"
STATISTICS_NOW = b"\x01\x00\x00"  # mode: system power statistics; two reserved
POWER = struct.Struct("<xHHHHIIB")  # current, least, most, mean, time, period, state
ACTIVE = 0x40
USUAL = ("sensor_temperature", "sensor_power", "sensor_fan_rpm")


class IpmiCollector:
    """Asks for the power first, then for sensors that are known, then finds more of them."""

    name = "ipmi"

    def __init__(self, host: Host, options: Options) -> None:
        self._host = host
        self._all = options.all_fields
        self._deadline = options.deadline_seconds
        self._controller = Controller(host)
        self._repository = Repository(self._controller)
        self._integral = PowerIntegral()
        self._has_power = True
        host.power.announce(self.name)

    def collect(self) -> list[Sample]:
        """Return power and sensors, ``stype=sensor``; what takes too long is asked next time.

        Raises:
            TimeoutError: The controller does not answer at all.
        """
        until = time.monotonic() + self._deadline
        samples = self._power(until) if self._has_power else []
        names: set[str] = set()
        for sensor in self._repository.sensors:
            if not (self._all or sensor.metric in USUAL):
                continue
            try:
                value = self._repository.read(sensor, until)
            except TimeoutError:
                return samples
            name = sensor.name if sensor.name not in names else f"{sensor.name} {sensor.number}"
            names.add(name)
            if value is not None:
                samples.append(Sample(sensor.metric, value, "node", "", "sensor", f"ipmi/{name}"))
        self._repository.find_more(until)
        return samples

    def close(self) -> None:
        """Close the device."""
        self._controller.close()

    def _power(self, until: float) -> list[Sample]:
        try:
            answer = self._controller.ask(GROUP_EXTENSION, GET_POWER, DCMI + STATISTICS_NOW, until)
        except Refused:  # a controller without DCMI
            self._has_power = False
            return []
        now, least, most, mean, _time, _period, state = POWER.unpack_from(answer)
        if not state & ACTIVE:
            return []
        self._host.power.tell("ipmi", self._integral.add(now, self._host.clock.monotonic()))
        samples = [Sample("ipmi_power", now)]
        if self._all:
            samples.append(Sample("ipmi_power_min", least))
            samples.append(Sample("ipmi_power_max", most))
            samples.append(Sample("ipmi_power_mean", mean))
        return samples
