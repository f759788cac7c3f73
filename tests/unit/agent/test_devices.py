"""Block devices and interfaces: rates per device, hot plugging, odd names, wraps and resets."""

import re

import pytest
from pilothouse_agent.collectors.disk import DiskCollector
from pilothouse_agent.collectors.network import NetworkCollector
from pilothouse_agent.collectors.port import Options

from tests.unit.agent.tree import ALL_FIELDS, USUAL, Tree, lines, twice, values

HEADER = "Inter-|   Receive\n face |bytes\n"


def disk(name: str, *columns: int) -> str:
    return f"   8       0 {name} {' '.join(map(str, columns))}\n"


def interface(name: str, read: int, write: int, read_errors: int = 0) -> str:
    return f"{name}:{read} 10 {read_errors} 0 0 0 0 0 {write} 20 0 0 0 0 0 0\n"


def disks(tmp_path, *names: str) -> Tree:
    tree = Tree(tmp_path, {f"sys/block/{name}/size": "1" for name in names})
    tree.write("proc/diskstats", "".join(disk(n.replace("!", "/"), *[0] * 11) for n in names))
    return tree


def test_a_disk_s_counters_become_rates(tmp_path):
    tree = disks(tmp_path, "sda")
    later = disk("sda", 100, 5, 2000, 300, 50, 5, 4000, 700, 3, 5000, 20000)

    got = twice(tree, DiskCollector(tree.host, USUAL), {"proc/diskstats": later})

    assert (got["disk_read_ops[sda]"], got["disk_write_ops[sda]"]) == (10, 5)
    assert (got["disk_read_bw[sda]"], got["disk_write_bw[sda]"]) == (102_400, 204_800)
    assert got["disk_busy[sda]"] == pytest.approx(50)
    assert got["disk_queue[sda]"] == pytest.approx(2)
    assert got["disk_in_flight[sda]"] == 3


def test_the_node_s_bandwidth_counts_a_raid_s_members_and_not_the_raid(tmp_path):
    tree = disks(tmp_path, "md0", "sda", "sdb")
    for name in ("sda", "sdb"):
        tree.write(f"sys/block/{name}/device/vendor", "x")
    columns = (0, 0, 1000, 0, 0, 0, 2000, 0, 0, 0, 0)
    later = "".join(disk(name, *columns) for name in ("md0", "sda", "sdb"))

    got = twice(tree, DiskCollector(tree.host, USUAL), {"proc/diskstats": later})

    assert (got["disk_read_bw"], got["disk_write_bw"]) == (102_400, 204_800)


def test_all_columns_are_told_when_asked_for(tmp_path):
    tree = disks(tmp_path, "sda")
    row = list(range(17))

    got = twice(tree, DiskCollector(tree.host, ALL_FIELDS), {"proc/diskstats": disk("sda", *row)})

    assert len(got) == 11 + 2  # what this old kernel's 11 columns say, and the node's sums


def test_partitions_and_excluded_devices_are_left_out(tmp_path):
    tree = disks(tmp_path, "sda", "loop0")
    later = disk("sda", *[9] * 11) + disk("sda1", *[9] * 11) + disk("loop0", *[9] * 11)

    got = twice(tree, DiskCollector(tree.host, USUAL), {"proc/diskstats": later})

    assert {key.partition("[")[2] for key in got} == {"sda]", ""}


def test_a_device_with_a_slash_in_its_name_is_found(tmp_path):
    tree = disks(tmp_path, "cciss!c0d0")

    got = twice(tree, DiskCollector(tree.host, USUAL), {})

    assert got["disk_busy[cciss/c0d0]"] == 0


def test_milliseconds_wrap_at_32_bits(tmp_path):
    tree = disks(tmp_path, "sda")
    tree.write("proc/diskstats", disk("sda", 0, 0, 0, 0, 0, 0, 0, 0, 0, 2**32 - 1000, 0))

    got = twice(
        tree,
        DiskCollector(tree.host, USUAL),
        {"proc/diskstats": disk("sda", 0, 0, 0, 0, 0, 0, 0, 0, 0, 4000, 0)},
    )

    assert got["disk_busy[sda]"] == pytest.approx(50)


def test_a_plugged_disk_has_rates_from_its_second_interval_and_the_others_go_on(tmp_path):
    tree = disks(tmp_path, "sda")
    tree.write("sys/block/sdb/size", "1")
    collector = DiskCollector(tree.host, USUAL)
    both = disk("sda", *[100] * 11) + disk("sdb", *[100] * 11)

    plugged = twice(tree, collector, {"proc/diskstats": both})
    gone = twice(tree, collector, {"proc/diskstats": disk("sdb", *[300] * 11)})

    assert plugged["disk_read_ops[sda]"] == 10
    assert "disk_read_ops[sdb]" not in plugged
    assert gone["disk_read_ops[sdb]"] == 20
    assert "disk_in_flight[sda]" not in gone


def network(tmp_path, *hardware: str) -> Tree:
    tree = Tree(tmp_path, {f"sys/class/net/{name}/device/vendor": "x" for name in hardware})
    tree.write("proc/net/dev", HEADER + interface("eth0", 0, 0))
    return tree


def test_the_node_s_sum_counts_hardware_once(tmp_path):
    tree = network(tmp_path, "eth0", "eth1")
    names = ("eth0", "eth1", "bond0", "lo")
    tree.write("proc/net/dev", HEADER + "".join(interface(n, 0, 0) for n in names))
    later = HEADER + interface("eth0", 1000, 500) + interface("eth1", 2000, 0)
    later += interface("bond0", 3000, 500) + interface("lo", 99, 99)

    got = twice(tree, NetworkCollector(tree.host, USUAL), {"proc/net/dev": later})

    assert (got["eth_read_bw"], got["eth_write_bw"], got["net_bw"]) == (300, 50, 350)
    assert got["eth_read_bw[bond0]"] == 300
    assert "eth_read_bw[lo]" not in got


def test_without_hardware_the_sum_is_over_all_that_is_told(tmp_path):
    tree = network(tmp_path)

    got = twice(
        tree,
        NetworkCollector(tree.host, USUAL),
        {"proc/net/dev": HEADER + interface("eth0", 5000, 0)},
    )

    assert got["eth_read_bw"] == 500


def test_a_reset_interface_has_no_value_for_one_interval(tmp_path):
    tree = network(tmp_path, "eth0")
    tree.write("proc/net/dev", HEADER + interface("eth0", 5_000_000, 10))
    collector = NetworkCollector(tree.host, USUAL)
    list(collector.collect())
    tree.write("proc/net/dev", HEADER + interface("eth0", 5, 20))
    tree.clock.advance(10)

    text = lines(collector.collect())

    assert "eth_read_bw" not in text
    assert "net_bw" not in text
    assert "eth_write_bw,cluster=alpha,hostname=n01,type=node value=1.0" in text


def test_odd_interface_names_are_read(tmp_path):
    tree = network(tmp_path)
    tree.write("proc/net/dev", HEADER + interface("eth0:1", 0, 0) + interface("a b,c", 0, 0))
    collector = NetworkCollector(tree.host, Options(exclude_interfaces=re.compile("lo")))

    got = twice(tree, collector, {})

    assert {"eth_read_bw[eth0:1]", "eth_read_bw[a b,c]"} <= got.keys()


def test_every_column_is_told_when_asked_for(tmp_path):
    tree = network(tmp_path)

    got = values(NetworkCollector(tree.host, ALL_FIELDS).collect())
    later = twice(tree, NetworkCollector(tree.host, ALL_FIELDS), {})

    assert got == {}
    assert sum(key.endswith("[eth0]") for key in later) == 16


def test_in_a_container_the_node_s_interfaces_are_told_and_not_the_container_s(tmp_path):
    tree = network(tmp_path)
    tree.write("proc/1/net/dev", HEADER + interface("ib0", 0, 0))

    got = twice(tree, NetworkCollector(tree.host, USUAL), {})

    assert "eth_read_bw[ib0]" in got
    assert "eth_read_bw[eth0]" not in got
