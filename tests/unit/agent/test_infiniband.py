"""Ports of InfiniBand, RoCE, EFA and Omni-Path: what each driver counts, wraps, resets, hot plugging."""

import pytest
from pilothouse_agent.collectors.infiniband import InfinibandCollector
from pilothouse_agent.collectors.port import Partly
from pilothouse_agent.host import CollectorUnavailable

from tests.unit.agent.tree import ALL_FIELDS, USUAL, Tree, lines, recorded, twice, values

ROOT = "sys/class/infiniband"


def port(device: str, state: str = "4: ACTIVE", **counters: object) -> dict[str, str]:
    """Files of port 1; ``counters__x`` is the file x in the directory counters."""
    base = f"{ROOT}/{device}/ports/1"
    files = {f"{base}/state": f"{state}\n", f"{base}/rate": "100 Gb/sec (4X EDR)\n"}
    files[f"{base}/phys_state"] = "5: LinkUp\n"
    return files | {f"{base}/{k.replace('__', '/')}": f"{v}\n" for k, v in counters.items()}


def data(value: object, **more: object) -> dict[str, str]:
    return port("mlx5_0", "4: ACTIVE", counters__port_rcv_data=value, **more)


def test_data_is_counted_in_words_of_four_bytes_and_summed_over_ports(tmp_path):
    files = data(1000) | port("mlx5_1", counters__port_rcv_data=0)
    later = data(3500) | port("mlx5_1", counters__port_rcv_data=500)
    tree = Tree(tmp_path, files)

    got = twice(tree, InfinibandCollector(tree.host, USUAL), later)

    assert (got["ic_read_bw[mlx5_0:1]"], got["ic_read_bw[mlx5_1:1]"]) == (1000, 200)
    assert got["ic_read_bw"] == 1200
    assert got["ib_rate[mlx5_0:1]"] == 12.5e9


@pytest.mark.parametrize(
    ("before", "after", "rate"),
    [
        ({"counters_ext__port_rcv_data_64": 0, "counters__port_rcv_data": 9}, 500, 200),
        ({"hw_counters__rx_bytes": 0}, 500, 50),
        ({"counters__port_rcv_data": "N/A (no PMA)", "hw_counters__RxWords": 0}, 500, 200),
    ],
    ids=["kernel before 4.5", "EFA", "Omni-Path"],
)
def test_the_first_file_with_a_number_tells_the_bandwidth(tmp_path, before, after, rate):
    tree = Tree(tmp_path, port("dev0", **before))
    grown = next(name for name, value in before.items() if value == 0)

    got = twice(tree, InfinibandCollector(tree.host, USUAL), port("dev0", **{grown: after}))

    assert got["ic_read_bw[dev0:1]"] == rate


def test_a_counter_of_32_bits_that_wraps_goes_on(tmp_path):
    tree = Tree(tmp_path, data(2**32 - 1000))

    assert twice(tree, InfinibandCollector(tree.host, USUAL), data(1500))["ic_read_bw"] == 1000


def test_a_counter_that_stopped_at_its_end_tells_nothing(tmp_path):
    tree = Tree(tmp_path, data(2**32 - 1))
    collector = InfinibandCollector(tree.host, USUAL)
    list(collector.collect())
    tree.clock.advance(10)

    text = lines(collector.collect())

    assert "ic_read_bw" not in text
    assert "ib_link_up" in text


def test_a_reset_port_has_no_value_for_one_interval_beside_one_that_cannot_be_read(tmp_path):
    both = {"counters__port_rcv_errors": 5, "counters__port_xmit_packets": 2**40}
    tree = Tree(tmp_path, data(2**40, **both))
    collector = InfinibandCollector(tree.host, USUAL)
    list(collector.collect())
    for path, text in data("", **both | {"counters__port_xmit_packets": 3}).items():
        tree.write(path, text)
    tree.clock.advance(10)

    text = lines(collector.collect())

    assert "ic_read_bw" not in text
    assert "ic_send_packets" not in text
    assert "ib_receive_errors" in text


def test_a_port_that_is_down_or_does_not_tell_is_down(tmp_path):
    tree = Tree(tmp_path, port("mlx5_0", "1: DOWN") | port("mlx5_1") | port("mlx5_2"))
    tree.write(f"{ROOT}/mlx5_2/ports/1/state", "")

    with pytest.raises(Partly, match="mlx5_2:1: no state") as told:
        InfinibandCollector(tree.host, USUAL).collect()

    got = values(told.value.samples)
    assert [got[f"ib_link_up[mlx5_{n}:1]"] for n in range(3)] == [0, 1, 0]


def test_a_device_that_comes_has_rates_from_its_second_interval_and_one_that_goes_is_gone(tmp_path):
    tree = Tree(tmp_path, data(0))
    collector = InfinibandCollector(tree.host, USUAL)
    odd = "odd name,x=ü"

    came = twice(tree, collector, data(10) | port(odd, counters__port_rcv_data=7))
    tree.remove(f"{ROOT}/mlx5_0")
    gone = twice(tree, collector, port(odd, counters__port_rcv_data=32))

    assert f"ic_read_bw[{odd}:1]" not in came
    assert came["ic_read_bw"] == 4
    assert gone["ic_read_bw"] == gone[f"ic_read_bw[{odd}:1]"] == 10
    assert "ib_link_up[mlx5_0:1]" not in gone


def test_every_counter_is_told_when_asked_for_and_none_that_is_no_number(tmp_path):
    tree = recorded(tmp_path, "infiniband")
    collector = InfinibandCollector(tree.host, ALL_FIELDS)

    got = twice(tree, collector, {})

    assert {"ib_vl15_dropped[mlx5_0:1]", "ib_hw_roce_adp_retrans[mlx5_bond_0:1]"} <= got.keys()
    assert "ib_vl15_dropped[mlx5_bond_0:1]" not in got
    assert not any("lifespan" in key for key in got)


def test_a_node_without_a_port_has_no_such_collector(tmp_path):
    with pytest.raises(CollectorUnavailable, match="no device"):
        InfinibandCollector(Tree(tmp_path).host, USUAL)
