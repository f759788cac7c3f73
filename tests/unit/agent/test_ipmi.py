"""The management controller: its power, its sensors, and what happens when it is busy, slow or dead."""

import os
import time

import pytest
from pilothouse_agent.bmc.sensors import parse_record
from pilothouse_agent.collectors.ipmi import IpmiCollector
from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import CollectorUnavailable

from tests.unit.agent.tree import ALL_FIELDS, USUAL, Tree, recorded, values

POWER = "2c02dc010000"
IMPATIENT = Options(deadline_seconds=0.05)


def replace(tree: Tree, request: str, answer: str) -> None:
    lines = tree.read("kernel/ipmi").splitlines()
    kept = [line for line in lines if not line.startswith(request + " ")]
    tree.write("kernel/ipmi", "\n".join([*kept, f"{request} {answer}"]))


def silent(tmp_path) -> Tree:
    """A controller whose driver takes requests, and whose answers come when something is written."""
    tree = recorded(tmp_path, "ipmi")
    tree.remove("dev/ipmi0")
    os.mkfifo(tmp_path / "dev/ipmi0")
    return tree


def test_statistics_and_all_sensors_are_told_when_asked_for(tmp_path):
    collector = IpmiCollector(recorded(tmp_path, "ipmi").host, ALL_FIELDS)
    collector.collect()

    got = values(collector.collect())

    assert (got["ipmi_power_min"], got["ipmi_power_max"], got["ipmi_power_mean"]) == (120, 520, 270)
    assert got["sensor_voltage[ipmi/12V]"] == pytest.approx(12.036)
    assert got["sensor_temperature[ipmi/Inlet Temp]"] == 21


def test_the_node_s_energy_is_told_between_two_readings(tmp_path):
    tree = recorded(tmp_path, "ipmi")
    collector = IpmiCollector(tree.host, USUAL)
    collector.collect()
    tree.clock.advance(60)
    tree.overlay("ipmi", "after")
    collector.collect()

    [spent] = tree.host.power.take("ipmi")

    assert (spent.joules, spent.seconds) == (310 * 60, 60)


def test_a_controller_without_dcmi_tells_its_sensors_and_is_not_asked_again(tmp_path):
    tree = recorded(tmp_path, "ipmi")
    power = dict(line.split() for line in tree.read("kernel/ipmi").splitlines())[POWER]
    replace(tree, POWER, "c1")
    collector = IpmiCollector(tree.host, USUAL)
    collector.collect()
    replace(tree, POWER, power)

    got = values(collector.collect())

    assert "ipmi_power" not in got
    assert got["sensor_temperature[ipmi/CPU1 Temp]"] == 45


def test_power_that_is_not_being_measured_is_not_told(tmp_path):
    tree = recorded(tmp_path, "ipmi")
    replace(tree, POWER, "00dc" + "0000" * 4 + "00000000" * 2 + "00")

    assert IpmiCollector(tree.host, USUAL).collect() == []


def test_a_dead_controller_costs_the_deadline(tmp_path):
    collector = IpmiCollector(silent(tmp_path).host, IMPATIENT)
    start = time.monotonic()

    with pytest.raises(TimeoutError, match="does not answer"):
        collector.collect()

    assert time.monotonic() - start < 5
    collector.close()


def test_a_late_answer_is_not_taken_for_the_next_one(tmp_path):
    tree = silent(tmp_path)
    collector = IpmiCollector(tree.host, IMPATIENT)
    with pytest.raises(TimeoutError):
        collector.collect()
    replace(tree, POWER, "00dc" + "6400" * 4 + "00000000" * 2 + "40")
    with (tmp_path / "dev/ipmi0").open("r+b", buffering=0) as driver:
        driver.write(b"ready")

        got = values(collector.collect())

    assert got["ipmi_power"] == 100
    collector.close()


def test_sensors_are_found_after_the_reservation_was_lost(tmp_path):
    tree = recorded(tmp_path, "ipmi")
    collector = IpmiCollector(tree.host, USUAL)
    replace(tree, "0a22", "007856")  # the recorded records are of another reservation
    lost = values(collector.collect())
    replace(tree, "0a22", "003412")
    collector.collect()

    got = values(collector.collect())

    assert lost == {"ipmi_power": 280}
    assert "sensor_power[ipmi/PSU1 Power In]" in got


@pytest.mark.parametrize(
    ("at", "value"),
    [
        pytest.param(3, 0x02, id="compact"),
        pytest.param(5, 0x22, id="another controller's"),
        pytest.param(20, 0xC0, id="not analog"),
        pytest.param(20, 0x01, id="percent"),
        pytest.param(21, 0x02, id="kelvin"),
        pytest.param(23, 0x01, id="logarithm"),
    ],
)
def test_records_that_are_no_plain_sensor_are_left_out(at, value):
    record = bytearray(48)
    record[3], record[5], record[21], record[24], record[47] = 1, 0x20, 1, 1, 0xC2
    record += b"T1"
    assert parse_record(bytes(record)) is not None

    record[at] = value

    assert parse_record(bytes(record)) is None


@pytest.mark.parametrize(("form", "raw", "value"), [(0, 255, 255), (1, 254, -1), (2, 255, -1)])
def test_readings_are_of_three_forms(form, raw, value):
    record = bytearray(50)
    record[3], record[5], record[20], record[21], record[24] = 1, 0x20, form << 6, 1, 1

    sensor = parse_record(bytes(record))

    assert sensor is not None
    assert sensor.value(raw) == value


def test_a_node_without_a_controller_has_no_such_collector(tmp_path):
    with pytest.raises(CollectorUnavailable, match="no management controller"):
        IpmiCollector(Tree(tmp_path).host, USUAL)
