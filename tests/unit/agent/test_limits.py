"""Tables that can be full, and links: what a kernel lacks is left out, bonds, interfaces switched off."""

import math

import pytest
from pilothouse_agent.collectors.limits import LimitsCollector
from pilothouse_agent.collectors.links import LinksCollector
from pilothouse_agent.host import CollectorUnavailable, Host

from tests.unit.agent.tree import ALL_FIELDS, USUAL, Tree, recorded, twice, values

FILES = {"proc/sys/fs/file-nr": "100\t0\t5000\n"}
SOFTNET = "proc/net/softnet_stat"
NET = "sys/class/net"


def test_what_is_used_is_told_beside_what_there_may_be(tmp_path):
    got = values(LimitsCollector(recorded(tmp_path, "limits").host, ALL_FIELDS).collect())

    assert (got["files_open"], got["files_max"]) == (3437, 2466174)
    assert (got["arp_entries"], got["arp_max"]) == (3, 1024)
    assert (got["conntrack_entries"], got["conntrack_max"]) == (1200, 262144)
    assert got["entropy_bits"] == 256


def test_queues_are_summed_over_hardware_threads_and_wrap_at_32_bits(tmp_path):
    tree = Tree(tmp_path, FILES | {SOFTNET: "fffffff0 00000000 00000001 0\n"})

    got = twice(
        tree, LimitsCollector(tree.host, USUAL), {SOFTNET: "00000054 00000014 0000000b 0\n"}
    )

    assert (got["softnet_packets"], got["softnet_drops"], got["softnet_squeezes"]) == (10, 2, 1)


def test_what_a_kernel_lacks_is_left_out(tmp_path):
    tree = Tree(tmp_path, FILES)

    assert values(LimitsCollector(tree.host, USUAL).collect()) == {
        "files_open": 100,
        "files_max": 5000,
    }


def test_this_kernel_s_tables_are_read():
    collector = LimitsCollector(Host(), USUAL)

    got = values(collector.collect())
    collector.close()

    assert 0 < got["files_open"] <= got["files_max"]
    assert got["pids_max"] > 0


def interface(name: str, **files: object) -> dict[str, str]:
    return {f"{NET}/{name}/{k.replace('__', '/')}": f"{v}\n" for k, v in files.items()}


def test_a_link_s_state_speed_and_flaps_are_told(tmp_path):
    tree = Tree(
        tmp_path, interface("eth0", device__vendor=1, carrier=1, speed=25000, carrier_changes=2)
    )

    got = twice(
        tree,
        LinksCollector(tree.host, USUAL),
        interface("eth0", carrier=0, speed=-1, carrier_changes=5),
    )

    assert (got["eth_link_up[eth0]"], got["eth_link_changes[eth0]"]) == (0, 0.3)
    assert math.isnan(got["eth_speed[eth0]"])


def test_an_interface_that_is_switched_off_is_down(tmp_path):
    tree = Tree(tmp_path, interface("eth0", device__vendor=1, carrier=""))

    assert values(LinksCollector(tree.host, USUAL).collect())["eth_link_up[eth0]"] == 0


def test_a_bond_tells_how_many_of_its_members_are_up(tmp_path):
    tree = Tree(tmp_path, interface("bond0", bonding__slaves="eth0 eth1", carrier=1, speed=50000))
    for name, status in (("eth0", "up"), ("eth1", "down")):
        for path, text in interface(name, bonding_slave__mii_status=status).items():
            tree.write(path, text)

    got = values(LinksCollector(tree.host, USUAL).collect())

    assert (got["bond_members[bond0]"], got["bond_members_up[bond0]"]) == (2, 1)
    assert got["eth_speed[bond0]"] == 6.25e9
    assert "eth_link_up[eth0]" not in got


def test_virtual_and_excluded_interfaces_are_left_out(tmp_path):
    tree = Tree(tmp_path, interface("veth1", device__x=1, carrier=1) | interface("tun0", carrier=1))

    assert values(LinksCollector(tree.host, USUAL).collect()) == {}


def test_a_node_without_interfaces_has_no_such_collector(tmp_path):
    with pytest.raises(CollectorUnavailable, match="no interface"):
        LinksCollector(Tree(tmp_path).host, USUAL)
