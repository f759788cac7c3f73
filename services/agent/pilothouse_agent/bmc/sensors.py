"""The controller's sensors: found in its repository of records. Source: IPMI 2.0, sections 33, 35.14, 43.1.

A repository takes seconds to read, so each call of ``find_more`` reads on for a while.
"""

import struct
import time
from dataclasses import dataclass

from pilothouse_agent.bmc.device import Controller, Refused

STORAGE, SENSOR = 0x0A, 0x04
RESERVE, GET_RECORD, GET_READING = 0x22, 0x23, 0x2D
HEADER_BYTES, CHUNK_BYTES = 5, 16
LAST_RECORD = 0xFFFF
MOST_RECORDS, MOST_SENSORS = 2000, 256
FULL_RECORD = 0x01
OWN_CONTROLLER = 0x20
NOT_ANALOG = 3
SCANNING, UNAVAILABLE = 0x40, 0x20
NAME_AT = 48
METRICS = {
    1: "sensor_temperature",
    4: "sensor_voltage",
    5: "sensor_current",
    6: "sensor_power",
    18: "sensor_fan_rpm",
}


@dataclass(frozen=True, slots=True)
class Sensor:
    """One analog sensor and how its raw reading becomes a value: (m x + b 10^k1) 10^k2."""

    number: int
    name: str
    metric: str
    form: int
    factor: float
    offset: float

    def value(self, raw: int) -> float:
        """Return the value of a raw reading of 8 bits: unsigned, or in one's or two's complement."""
        if self.form and raw > 127:
            raw -= 255 if self.form == 1 else 256
        return raw * self.factor + self.offset


class Repository:
    """The sensors found so far."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._next = 0
        self._read = 0
        self._reservation = b""
        self.sensors: list[Sensor] = []

    def find_more(self, until: float) -> None:
        """Read records until the deadline or the last one."""
        while (
            self._next != LAST_RECORD
            and self._read < MOST_RECORDS
            and len(self.sensors) < MOST_SENSORS
            and time.monotonic() < until
        ):
            try:
                following, record = self._record(self._next, until)
            except TimeoutError:
                return
            except Refused:  # its reservation is lost, or it is busy: from here on the next time
                self._reservation = b""
                return
            self._next, self._read = following, self._read + 1
            sensor = parse_record(record)
            if sensor is not None:
                self.sensors.append(sensor)

    def read(self, sensor: Sensor, until: float) -> float | None:
        """Return a sensor's value; None while it has none."""
        try:
            answer = self._controller.ask(SENSOR, GET_READING, bytes([sensor.number]), until)
        except Refused:
            return None
        if not answer[1] & SCANNING or answer[1] & UNAVAILABLE:
            return None
        return sensor.value(answer[0])

    def _record(self, number: int, until: float) -> tuple[int, bytes]:
        if not self._reservation:
            self._reservation = self._controller.ask(STORAGE, RESERVE, b"", until)[:2]
        following, record = self._part(number, 0, HEADER_BYTES, until)
        if record[3] != FULL_RECORD:
            return following, record
        size = HEADER_BYTES + record[4]
        while len(record) < size:
            count = min(CHUNK_BYTES, size - len(record))
            part = self._part(number, len(record), count, until)[1]
            if not part:
                break
            record += part
        return following, record

    def _part(self, number: int, offset: int, count: int, until: float) -> tuple[int, bytes]:
        request = self._reservation + struct.pack("<HBB", number, offset, count)
        answer = self._controller.ask(STORAGE, GET_RECORD, request, until)
        return int.from_bytes(answer[:2], "little"), answer[2:]


def parse_record(record: bytes) -> Sensor | None:
    """Return the sensor of a full record; None when it is not analog, linear and the controller's own."""
    if len(record) < NAME_AT or record[3] != FULL_RECORD or record[5] != OWN_CONTROLLER:
        return None
    units, metric, linear = record[20], METRICS.get(record[21]), record[23] & 0x7F == 0
    if metric is None or not linear or units >> 6 == NOT_ANALOG or units & 0x3F or record[6] & 3:
        return None
    m = _signed(record[24] | (record[25] & 0xC0) << 2, 10)
    b = _signed(record[26] | (record[27] & 0xC0) << 2, 10)
    result, shift = _signed(record[29] >> 4, 4), _signed(record[29] & 0x0F, 4)
    size = record[NAME_AT - 1] & 0x1F
    name = record[NAME_AT : NAME_AT + size].decode("latin-1").rstrip("\0 ")
    return Sensor(
        record[7],
        name or f"sensor {record[7]}",
        metric,
        units >> 6,
        m * 10.0**result,
        b * 10.0 ** (shift + result),
    )


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value
