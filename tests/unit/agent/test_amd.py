"""AMD cards from recorded files of the amdgpu driver."""

import os
import subprocess
import sys

import pytest
from pilothouse_agent.collectors.amd import AmdCollector
from pilothouse_agent.gpus.amdgpu import find_cards, find_compute_node
from pilothouse_agent.host import CollectorUnavailable
from pilothouse_agent.sweep import Measured

from tests.unit.agent.tree import ALL_FIELDS, USUAL, after_ten_seconds, recorded, small, values

CARD = "accelerator:0000:c1:00.0"
DEVICE = "sys/class/drm/card1/device"


def test_values_have_the_names_and_units_of_all_makes(tmp_path):
    got = values(after_ten_seconds(recorded(tmp_path, "amd"), AmdCollector, ALL_FIELDS))

    assert got[f"acc_utilization[{CARD}]"] == 93
    assert got[f"acc_mem_used[{CARD}]"] == 32 * 2**30
    assert got[f"acc_power[{CARD}]"] == 287
    assert got[f"acc_power_limit[{CARD}]"] == 300
    assert got[f"acc_temperature[{CARD}]"] == 52  # the edge, though there is a junction
    assert got[f"acc_clock_max[{CARD}]"] == 1.7e9
    assert got[f"acc_pcie_generation[{CARD}]"] == 4
    assert (got[f"acc_ecc_corrected[{CARD}]"], got[f"acc_ecc_uncorrected[{CARD}]"]) == (7, 1)
    assert got["acc_fan[accelerator:0000:c6:00.0]"] == pytest.approx(40)


def test_processes_have_their_memory(tmp_path):
    samples = after_ten_seconds(recorded(tmp_path, "amd"), AmdCollector, ALL_FIELDS)

    used = {(s.type_id, s.stype_id): s.value for s in samples if s.stype == "process"}
    assert used == {
        ("0000:c1:00.0", "7001"): 28 * 2**30,
        ("0000:c1:00.0", "7002"): 2 * 2**30,
        ("0000:c6:00.0", "7002"): 4096,
    }


def test_a_card_without_an_edge_sensor_tells_its_junction(tmp_path):
    tree = recorded(tmp_path, "amd")
    tree.remove(f"{DEVICE}/hwmon/hwmon4/temp1_label")

    got = values(AmdCollector(tree.host, USUAL).collect())

    assert got[f"acc_temperature[{CARD}]"] == 35


def test_newer_cards_tell_the_power_of_now(tmp_path):
    tree = recorded(tmp_path, "amd")
    tree.remove(f"{DEVICE}/hwmon/hwmon4/power1_average")
    tree.write(f"{DEVICE}/hwmon/hwmon4/power1_input", "55000000\n")

    assert values(AmdCollector(tree.host, USUAL).collect())[f"acc_power[{CARD}]"] == 55


def test_a_value_that_cannot_be_read_is_left_out(tmp_path):
    tree = recorded(tmp_path, "amd")
    collector = AmdCollector(tree.host, USUAL)
    tree.write(f"{DEVICE}/gpu_busy_percent", "")

    got = values(collector.collect())

    assert f"acc_utilization[{CARD}]" not in got
    assert got[f"acc_power[{CARD}]"] == 41


def test_a_card_that_went_away_is_told_and_found_again(tmp_path):
    tree = recorded(tmp_path, "amd")
    measured = Measured(AmdCollector(tree.host, USUAL))
    measured.collect()
    numbers = [p for p in (tree.root / DEVICE).rglob("*") if p.is_file() and p.name != "uevent"]
    kept = {p: p.read_bytes() for p in numbers}
    for path in numbers:
        path.write_bytes(b"")

    tree.clock.advance(10)
    gone = values(measured.collect())
    for path, content in kept.items():
        path.write_bytes(content)
    tree.clock.advance(60)
    back = values(measured.collect())

    assert (
        gone["acc_count[amd]"],
        gone["acc_answering[amd]"],
        gone["agent_collector_up[amd]"],
    ) == (2, 1, 0)
    assert (back["acc_answering[amd]"], back["agent_collector_up[amd]"]) == (2, 1)


def test_a_display_adapter_is_no_accelerator(tmp_path):
    assert [bus for _, bus in find_cards(recorded(tmp_path, "amd").host)] == [
        "0000:c1:00.0",
        "0000:c6:00.0",
    ]


def test_a_card_has_the_number_of_its_device_file(tmp_path):
    host = recorded(tmp_path, "amd").host

    assert find_compute_node(host, "0000:c6:00.0") == ("60321", 130)
    assert find_compute_node(host, "0000:02:00.0") == ("", -1)


def test_without_cards_there_is_no_collector(tmp_path):
    with pytest.raises(CollectorUnavailable, match="no AMD accelerator"):
        AmdCollector(small(tmp_path).host, USUAL)


def test_amdsmi_adds_energy_links_and_throttling(tmp_path):
    got = values(after_ten_seconds(recorded(tmp_path, "amd"), AmdCollector))

    assert got[f"acc_energy[{CARD}]"] == pytest.approx(201_000_000 * 15.25e-6)
    assert got[f"acc_power_mean[{CARD}]"] == pytest.approx(305)
    assert got[f"acc_link_rx_bw[{CARD}]"] == 4000 * 1024 / 10  # over all links
    assert got[f"acc_link_tx_bw[{CARD}]"] == 2000 * 1024 / 10
    assert got[f"acc_throttle_power[{CARD}]"] == 1
    assert (got[f"acc_throttle_thermal[{CARD}]"], got[f"acc_throttle_hardware[{CARD}]"]) == (0, 0)


def test_what_amdsmi_refuses_is_asked_once(tmp_path, amd_library):
    tree = recorded(tmp_path, "amd")
    collector = AmdCollector(tree.host, USUAL)
    collector.collect()
    refusals = amd_library.fake_refusals()

    tree.clock.advance(10)
    collector.collect()
    collector.close()

    assert refusals > 0
    assert amd_library.fake_refusals() == refusals


def test_a_library_that_does_not_start_takes_nothing_away(tmp_path):
    tree = recorded(tmp_path, "amd")
    tree.remove("amdsmi")

    got = values(AmdCollector(tree.host, USUAL).collect())

    assert got[f"acc_power[{CARD}]"] == 41
    assert f"acc_energy[{CARD}]" not in got


def test_without_the_library_the_package_is_not_imported(tmp_path):
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from pilothouse_agent.collectors.amd import AmdCollector\n"
        "from pilothouse_agent.collectors.port import Options\n"
        "from pilothouse_agent.host import Host\n"
        "collector = AmdCollector(Host(Path(sys.argv[1])), Options())\n"
        "print(len(collector.collect()) > 10, 'amdsmi' in sys.modules)\n"
    )
    root = recorded(tmp_path / "node", "amd").root
    env = {**os.environ, "ROCM_PATH": str(tmp_path)}

    done = subprocess.run(
        [sys.executable, "-c", script, str(root)],
        env=env,
        text=True,
        capture_output=True,
        check=True,
    )

    assert done.stdout == "True False\n"
