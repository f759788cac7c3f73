"""NVIDIA cards through the real package and a driver whose answers a test writes: tests/support/nvml."""

import logging
import os
import subprocess
import sys
import threading

import pytest
from pilothouse_agent.collectors.nvidia import NvidiaCollector
from pilothouse_agent.collectors.port import Partly
from pilothouse_agent.host import CollectorUnavailable
from pilothouse_agent.sweep import Measured, Sweep

from tests.support.process import eventually
from tests.unit.agent.tree import (
    ALL_FIELDS,
    USUAL,
    Tree,
    after_ten_seconds,
    recorded,
    small,
    values,
)

FIRST, DIVIDED = "accelerator:0000:3b:00.0", "accelerator:0000:af:00.0"


@pytest.fixture
def node(tmp_path) -> Tree:
    return recorded(tmp_path, "nvidia")


@pytest.fixture
def collector(node):
    collector = NvidiaCollector(node.host, USUAL)
    yield collector
    collector.close()


def say(node: Tree, *lines: str) -> None:
    """Change what the driver answers, all at once; the first line of a key counts."""
    node.write("nvml.new", "\n".join(lines) + "\n" + node.read("nvml"))
    (node.root / "nvml.new").replace(node.root / "nvml")


def told(collector) -> dict[str, float]:
    """Return the values that it tells before it raises, as the sweep keeps them."""
    return values(Measured(collector).collect())


def test_utilisation_memory_power_and_energy_are_those_of_the_driver(node):
    got = values(after_ten_seconds(node, NvidiaCollector))

    assert got[f"acc_utilization[{FIRST}]"] == 87
    assert got[f"acc_mem_used[{FIRST}]"] == 20 * 2**30
    assert got[f"acc_power[{FIRST}]"] == 512.345
    assert got[f"acc_energy[{FIRST}]"] == 1_005_000  # J, of 1,005,000,000 mJ
    assert got[f"acc_power_mean[{FIRST}]"] == 500  # 5,000 J in ten seconds
    assert got[f"acc_mem_temperature[{FIRST}]"] == 72  # a narrow field: its neighbours are garbage
    assert got[f"acc_link_rx_bw[{FIRST}]"] == 2_000_000 * 1024 / 10
    assert got[f"acc_processes[{FIRST}]"] == 2


def test_mig_instances_have_their_own_memory_and_utilisation(node):
    samples = after_ten_seconds(node, NvidiaCollector)

    mig = {(s.name, s.stype_id): s.value for s in samples if s.stype == "mig"}
    assert {s.type_id for s in samples if s.stype == "mig"} == {"0000:af:00.0"}
    assert mig["acc_mem_used", "3/0"] == 8 * 2**30
    assert (mig["acc_utilization", "3/0"], mig["acc_utilization", "5/0"]) == (64.5, 0)
    assert not [
        s
        for s in samples
        if s.name == "acc_utilization" and s.type_id == "0000:af:00.0" and not s.stype
    ]


def test_what_a_card_refuses_is_asked_once(node, collector, nvidia_library):
    told(collector)
    refusals = nvidia_library.fake_refusals()

    for _ in range(3):
        node.clock.advance(10)
        got = told(collector)

    assert refusals > 0
    assert nvidia_library.fake_refusals() == refusals
    assert f"acc_fan[{FIRST}]" not in got
    assert got[f"acc_fan[{DIVIDED}]"] == 55


def test_an_answer_that_fails_once_is_asked_again(node, collector):
    told(collector)
    say(node, "0.power_mw !10")

    assert f"acc_power[{FIRST}]" not in told(collector)

    say(node, "0.power_mw 1000")
    assert told(collector)[f"acc_power[{FIRST}]"] == 1


def test_a_driver_before_memory_version_2_tells_the_old_one(node, collector):
    say(node, "0.old_driver 1")

    assert told(collector)[f"acc_mem_total[{FIRST}]"] == 85520809984


def test_a_lost_card_is_one_log_line_and_the_others_are_told(node, collector, caplog):
    measured = Measured(collector)
    caplog.set_level(logging.INFO)
    measured.collect()
    say(node, "0.lost 15")

    for _ in range(3):
        node.clock.advance(10)
        got = values(measured.collect())

    assert (got["acc_count[nvidia]"], got["acc_answering[nvidia]"]) == (2, 1)
    assert got["agent_collector_up[nvidia]"] == 0
    assert got[f"acc_power[{DIVIDED}]"] == 55
    assert f"acc_power[{FIRST}]" not in got
    (line,) = [r for r in caplog.records if r.message == "collector fails"]
    assert "0000:3b:00.0: GPU is lost" in line.reason


def test_a_card_that_was_reset_is_found_again(node, collector):
    told(collector)
    before = node.read("nvml")
    say(node, "0.lost 16")
    node.clock.advance(10)
    told(collector)

    node.write("nvml", before)
    node.clock.advance(50)
    assert told(collector)["acc_answering[nvidia]"] == 1
    node.clock.advance(10)
    got = told(collector)

    assert (got["acc_answering[nvidia]"], got["agent_collector_up[nvidia]"]) == (2, 1)
    assert got[f"acc_power[{FIRST}]"] == 90


def test_a_card_without_a_handle_is_counted(node, collector):
    say(node, "1.unreachable 15")

    got = told(collector)

    assert (got["acc_count[nvidia]"], got["acc_answering[nvidia]"]) == (2, 1)


def test_a_driver_that_is_loaded_later_is_found(node, collector):
    cards = node.read("nvml")
    node.write("nvml", "")
    with pytest.raises(Partly, match="Driver Not Loaded"):
        list(collector.collect())

    node.write("nvml", cards)
    node.clock.advance(60)

    assert told(collector)["acc_answering[nvidia]"] == 2


def test_a_driver_that_is_loaded_anew_is_found(node, collector):
    told(collector)
    cards = node.read("nvml")
    say(node, "0.lost 1", "1.lost 1")
    node.clock.advance(10)
    assert told(collector)["acc_answering[nvidia]"] == 0

    node.write("nvml", cards)
    node.clock.advance(60)

    assert told(collector)["acc_answering[nvidia]"] == 2


def test_instances_that_were_made_since_are_seen_within_a_minute(node, collector):
    told(collector)
    say(node, "0.mig 1", "0.utilization !3", "0.instance.0 7 0 MIG-new 1024 4096")

    node.clock.advance(60)
    told(collector)
    samples = list(collector.collect())

    made = {s.name: s.value for s in samples if s.stype == "mig" and s.type_id == "0000:3b:00.0"}
    assert (made["acc_mem_used"], made["acc_mem_total"]) == (1024, 4096)


def test_every_field_has_processes_activity_and_the_slow_pcie_counters(node):
    got = values(after_ten_seconds(node, NvidiaCollector, ALL_FIELDS))

    assert got[f"acc_sm_occupancy[{FIRST}]"] == 42.25
    assert got[f"acc_pcie_rx_bw[{DIVIDED}]"] == 3_400_000
    assert got[f"acc_throttle_reasons[{FIRST}]"] == 4
    samples = NvidiaCollector(node.host, ALL_FIELDS).collect()
    processes = {s.stype_id: s.value for s in samples if s.stype == "process"}
    assert processes == {"4242": 16 * 2**30, "4343": 3 * 2**30, "5555": 8455716864}


def test_a_driver_that_hangs_is_left_behind_and_comes_back(node, collector):
    sweep = Sweep([collector], deadline_seconds=1)
    say(node, "hang 1")

    hanging = values(sweep.collect())
    again = values(sweep.collect())
    say(node, "hang 0")

    assert hanging["agent_collector_up[nvidia]"] == 0
    assert again == {"agent_collector_up[nvidia]": 0}
    eventually(lambda: values(sweep.collect())["agent_collector_up[nvidia]"] == 1, within=20)
    sweep.close()
    eventually(lambda: not [t for t in threading.enumerate() if t.name == "collect"], within=20)


def test_without_a_card_nothing_is_loaded(tmp_path):
    with pytest.raises(CollectorUnavailable, match="no NVIDIA device"):
        NvidiaCollector(small(tmp_path).host, USUAL)


@pytest.mark.parametrize(("kind", "there"), [("0x030200", True), ("0x020000", False)])
def test_a_card_is_seen_on_the_bus_before_its_driver(tmp_path, kind, there):
    tree = small(tmp_path)
    tree.write("sys/bus/pci/devices/0000:3b:00.0/vendor", "0x10de\n")
    tree.write("sys/bus/pci/devices/0000:3b:00.0/class", f"{kind}\n")  # a 3D controller, or a NIC

    try:
        NvidiaCollector(tree.host, USUAL).close()
        seen = True
    except CollectorUnavailable:
        seen = False

    assert seen is there


def test_without_the_library_the_package_is_not_imported(node):
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from pilothouse_agent.collectors.nvidia import NvidiaCollector\n"
        "from pilothouse_agent.collectors.port import Options\n"
        "from pilothouse_agent.host import CollectorUnavailable, Host\n"
        "try:\n"
        "    NvidiaCollector(Host(Path(sys.argv[1])), Options())\n"
        "except CollectorUnavailable as exc:\n"
        "    print(exc, 'pynvml' in sys.modules)\n"
    )
    empty = node.root / "empty"
    empty.mkdir()
    env = {**os.environ, "LD_LIBRARY_PATH": str(empty)}

    done = subprocess.run(
        [sys.executable, "-c", script, str(node.root)],
        env=env,
        text=True,
        capture_output=True,
        check=True,
    )

    assert done.stdout.startswith("libnvidia-ml.so.1: ")
    assert done.stdout.endswith(" False\n")


def test_the_node_has_the_sums_of_its_whole_cards(node):
    got = values(after_ten_seconds(node, NvidiaCollector))

    assert got["acc_power"] == pytest.approx(512.345 + 210.5)
    assert got["acc_mem_used"] == 20 * 2**30 + 9 * 2**30  # MIG instances are parts of the second
    assert got["acc_utilization"] == 87  # a divided card has none
