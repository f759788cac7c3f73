"""Slingshot NICs: telemetry, wraps, link flaps, and a retry handler that is down or hangs."""

import os

import pytest
from pilothouse_agent.collectors.port import Options, Partly
from pilothouse_agent.collectors.slingshot import SlingshotCollector
from pilothouse_agent.host import CollectorUnavailable

from tests.support.process import eventually
from tests.unit.agent.tree import ALL_FIELDS, USUAL, Tree, recorded, twice, values

DEVICE = "sys/class/cxi/{}/device"
OCTETS = "telemetry/hni_sts_rx_ok_octets"


def nic(name: str = "cxi0", **files: object) -> dict[str, str]:
    """Files of one NIC; ``telemetry__x`` is the file x of its telemetry."""
    told = {"properties__link": 1, "properties__speed": 200000} | files
    return {f"{DEVICE.format(name)}/{k.replace('__', '/')}": f"{v}\n" for k, v in told.items()}


def octets(name: str, value: int) -> dict[str, str]:
    return {f"{DEVICE.format(name)}/{OCTETS}": f"{value}@1700000000.000000001\n"}


@pytest.fixture
def made():
    collectors: list[SlingshotCollector] = []

    def make(tree: Tree, options: Options = USUAL) -> SlingshotCollector:
        collectors.append(SlingshotCollector(tree.host, options))
        return collectors[-1]

    yield make
    for collector in collectors:
        collector.close()


def test_bandwidth_is_told_by_nic_and_summed(tmp_path, made):
    names = ("cxi0", "cxi1")
    tree = Tree(tmp_path, nic("cxi0") | nic("cxi1") | octets("cxi0", 0) | octets("cxi1", 0))

    got = twice(tree, made(tree), octets("cxi0", 1000) | octets("cxi1", 500))

    assert [got[f"ic_read_bw[{name}]"] for name in names] == [100, 50]
    assert got["ic_read_bw"] == 150
    assert got["cxi_rate[cxi0]"] == 25e9


def test_a_counter_of_56_bits_that_wraps_goes_on(tmp_path, made):
    tree = Tree(tmp_path, nic() | octets("cxi0", 2**56 - 400))

    assert twice(tree, made(tree), octets("cxi0", 600))["ic_read_bw"] == 100


def test_each_restart_of_the_link_is_counted_once(tmp_path, made):
    tree = Tree(tmp_path, nic(link_restarts__time_0=1699999990, link_restarts__time_1=0))
    collector = made(tree)

    flapped = twice(tree, collector, nic(link_restarts__time_1=1700000003, properties__link=0))
    later = twice(tree, collector, {})

    assert flapped["cxi_link_restarts[cxi0]"] == 0.1
    assert (flapped["cxi_link_up[cxi0]"], later["cxi_link_restarts[cxi0]"]) == (0, 0)


def test_beside_infiniband_the_node_s_sum_is_left_to_it(tmp_path, made):
    tree = Tree(tmp_path, nic() | octets("cxi0", 0) | {"sys/class/infiniband/mlx5_0/x": ""})

    got = twice(tree, made(tree), octets("cxi0", 1000))

    assert "ic_read_bw[cxi0]" in got
    assert "ic_read_bw" not in got


def test_a_retry_handler_that_does_not_run_is_down(tmp_path, made):
    tree = Tree(tmp_path, nic() | {"run/cxi/cxi0/nacks": "5\n"} | nic("cxi1"))

    got = values(made(tree).collect())

    assert (got["cxi_rh_up[cxi0]"], got["cxi_rh_up[cxi1]"]) == (1, 0)


def test_a_retry_handler_that_hangs_is_down_and_the_telemetry_is_told(tmp_path, made):
    tree = Tree(tmp_path, nic() | octets("cxi0", 0))
    fifo = tree.root / "run/cxi/cxi0/nacks"
    fifo.parent.mkdir(parents=True)
    os.mkfifo(fifo)  # opening it for reading waits for a writer
    collector = made(tree, Options(deadline_seconds=0.05))

    hung = twice(tree, collector, octets("cxi0", 1000))
    with fifo.open("w") as writer:
        writer.write("5\n")
    fifo.unlink()
    tree.write("run/cxi/cxi0/nacks", "5\n")

    assert (hung["cxi_rh_up[cxi0]"], hung["ic_read_bw[cxi0]"]) == (0, 100)
    assert eventually(lambda: values(collector.collect())["cxi_rh_up[cxi0]"] == 1, within=20)


def test_levels_and_counters_of_the_retry_handler_are_told_apart(tmp_path, made):
    tree = recorded(tmp_path, "slingshot")

    got = twice(tree, made(tree, ALL_FIELDS), {"run/cxi/cxi0/spt_timeouts_o": "70\n"})

    assert got["cxi_rh_spt_timeouts_o[cxi0]"] == 5
    assert got["cxi_rh_level_spt_in_use[cxi0]"] == 0
    assert got["cxi_hni_pcs_good_cw[cxi0]"] == 0
    assert not any("nid_value" in key for key in got)


def test_a_nic_that_comes_or_goes_leaves_the_others_going_on(tmp_path, made):
    tree = Tree(tmp_path, nic("cxi0") | octets("cxi0", 0))
    collector = made(tree)

    came = twice(tree, collector, octets("cxi0", 100) | nic("cxi1") | octets("cxi1", 0))
    tree.remove("sys/class/cxi/cxi0")
    gone = twice(tree, collector, octets("cxi1", 50))

    assert came["ic_read_bw[cxi0]"] == 10
    assert gone["ic_read_bw[cxi1]"] == gone["ic_read_bw"] == 5
    assert "cxi_link_up[cxi0]" not in gone


def test_a_nic_whose_driver_tells_nothing_is_an_error_and_down(tmp_path, made):
    tree = Tree(tmp_path, nic("cxi0") | nic("cxi1", properties__link=""))

    with pytest.raises(Partly, match="cxi1: no link state") as told:
        made(tree).collect()

    got = values(told.value.samples)
    assert (got["cxi_link_up[cxi0]"], got["cxi_link_up[cxi1]"]) == (1, 0)


def test_a_node_without_a_nic_has_no_such_collector(tmp_path):
    with pytest.raises(CollectorUnavailable, match="no NIC"):
        SlingshotCollector(Tree(tmp_path).host, USUAL)
