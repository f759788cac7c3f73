"""Clocks, heat and memory errors: what is left out, what is missing, what goes away."""

import pytest
from pilothouse_agent.collectors.clock import ClockCollector
from pilothouse_agent.collectors.cpufreq import MOST_PER_CALL, CpufreqCollector
from pilothouse_agent.collectors.edac import EdacCollector
from pilothouse_agent.collectors.hwmon import HwmonCollector
from pilothouse_agent.collectors.numa import NumaCollector
from pilothouse_agent.collectors.thermal import ThermalCollector
from pilothouse_agent.host import CollectorUnavailable, Host

from tests.unit.agent.tree import ALL_FIELDS, USUAL, Tree, recorded, twice, values

CPU = "sys/devices/system/cpu"
HWMON = "sys/class/hwmon"


@pytest.mark.parametrize(
    ("factory", "reason"),
    [
        (ClockCollector, "adjtimex: "),
        (CpufreqCollector, "no policy"),
        (EdacCollector, "no memory controller"),
        (HwmonCollector, "no sensor"),
        (NumaCollector, "one memory domain"),
        (ThermalCollector, "no zone"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_node_without_the_hardware_has_no_such_collector(tmp_path, factory, reason):
    with pytest.raises(CollectorUnavailable, match=reason):
        factory(Tree(tmp_path).host, USUAL)


def test_this_machine_tells_how_its_clock_is_kept():
    got = values(ClockCollector(Host(), USUAL).collect())

    assert got["time_synchronized"] in (0, 1)
    assert 0 <= got["time_estimated_error"] <= got["time_maximum_error"] <= 17  # NTP_PHASE_LIMIT
    assert abs(got["time_frequency_ppm"]) <= 500  # MAXFREQ


def test_a_clock_that_was_set_tells_by_how_much(tmp_path):
    tree = recorded(tmp_path, "clock")
    collector = ClockCollector(tree.host, USUAL)
    collector.collect()

    tree.clock.advance(10)
    tree.clock.wall -= 90

    assert values(collector.collect())["time_step"] == pytest.approx(-90)


def test_the_offset_is_in_microseconds_where_the_kernel_says_so(tmp_path):
    tree = recorded(tmp_path, "clock")
    status = tree.read("kernel/adjtimex").replace("0120000000000000", "0100000000000000", 1)
    tree.write("kernel/adjtimex", status)

    assert values(ClockCollector(tree.host, USUAL).collect())["time_offset"] == pytest.approx(-0.25)


def cores(tmp_path, count: int) -> Tree:
    tree = Tree(tmp_path)
    for thread in range(2 * count):
        tree.write(f"{CPU}/cpu{thread}/topology/physical_package_id", "0")
        tree.write(f"{CPU}/cpu{thread}/topology/core_id", str(thread % count))
        tree.write(f"{CPU}/cpufreq/policy{thread}/scaling_cur_freq", f"{1000 + thread % count}\n")
    return tree


def test_one_thread_of_each_core_is_asked_and_of_many_cores_each_in_turn(tmp_path):
    tree = cores(tmp_path, 130)
    collector = CpufreqCollector(tree.host, ALL_FIELDS)

    calls = [values(collector.collect()) for _ in range(3)]

    asked = [{key for key in call if "hwthread" in key} for call in calls]
    assert all(0 < len(each) <= MOST_PER_CALL for each in asked)
    assert set().union(*asked) == {f"clock[hwthread:{thread}]" for thread in range(130)}
    assert sum(map(len, asked)) == 130


def test_a_core_that_goes_offline_is_left_out(tmp_path):
    tree = recorded(tmp_path, "cpufreq")
    collector = CpufreqCollector(tree.host, USUAL)
    tree.remove(f"{CPU}/cpufreq/policy1")
    tree.write(f"{CPU}/cpufreq/policy0/scaling_cur_freq", "3000000\n")

    got = values(collector.collect())

    assert (got["clock_min[socket:0]"], got["clock_max[socket:0]"]) == (3e9, 3e9)


def test_chips_of_one_driver_are_told_apart_by_their_devices(tmp_path):
    tree = Tree(tmp_path)
    for number, device in enumerate(("0000:5e:00.0", "0000:5f:00.0")):
        tree.write(f"{HWMON}/hwmon{number}/name", "mlx5\n")
        tree.write(f"{HWMON}/hwmon{number}/temp1_input", f"{50 + number}000\n")
        (tmp_path / "sys/devices" / device).mkdir(parents=True)
        (tmp_path / HWMON / f"hwmon{number}/device").symlink_to(f"../../../devices/{device}")

    got = values(HwmonCollector(tree.host, USUAL).collect())

    assert got == {
        "sensor_temperature[mlx5.0000:5e:00.0/temp1]": 50,
        "sensor_temperature[mlx5.0000:5f:00.0/temp1]": 51,
    }


def test_sensors_without_a_value_are_left_out_and_new_chips_are_found(tmp_path):
    tree = recorded(tmp_path, "hwmon")
    collector = HwmonCollector(tree.host, USUAL)
    tree.write(f"{HWMON}/hwmon2/fan1_input", "")
    tree.write(f"{HWMON}/hwmon9/name", "jc42\n")
    tree.write(f"{HWMON}/hwmon9/temp1_input", "31500\n")

    got = values(collector.collect())

    assert "sensor_fan_rpm[nct6779/fan1]" not in got
    assert got["sensor_temperature[jc42/temp1]"] == 31.5


def test_each_core_s_temperature_is_told_when_asked_for(tmp_path):
    got = values(HwmonCollector(recorded(tmp_path, "hwmon").host, ALL_FIELDS).collect())

    assert got["sensor_temperature[coretemp.hwmon0/Core 0]"] == 48


def test_a_power_reading_is_preferred_to_its_average(tmp_path):
    tree = Tree(tmp_path, {f"{HWMON}/hwmon0/name": "amdgpu\n"})
    tree.write(f"{HWMON}/hwmon0/power1_input", "90000000\n")
    tree.write(f"{HWMON}/hwmon0/power1_average", "80000000\n")

    got = values(HwmonCollector(tree.host, USUAL).collect())

    assert got == {"sensor_power[amdgpu/power1]": 90}


def test_a_kernel_that_does_not_tell_how_long_a_package_was_slowed(tmp_path):
    tree = recorded(tmp_path, "thermal")
    for thread in range(8):
        tree.remove(f"{CPU}/cpu{thread}/thermal_throttle/package_throttle_total_time_ms")

    got = twice(tree, ThermalCollector(tree.host, USUAL), {})

    assert got["throttle_package[socket:0]"] == 0
    assert got["throttle_package_time[socket:0]"] != got["throttle_package_time[socket:0]"]  # NaN


def test_modules_without_errors_are_told_when_asked_for(tmp_path):
    tree = recorded(tmp_path, "edac")

    usual = values(EdacCollector(tree.host, USUAL).collect())
    everything = values(EdacCollector(tree.host, ALL_FIELDS).collect())

    assert not [key for key in usual if "DIMM" in key]
    assert len([key for key in everything if "DIMM" in key]) == 3 * 2
