"""Hardware counters: which are offered, how they are scaled, shared and given back."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pilothouse_agent.collectors.perf import PerfCollector
from pilothouse_agent.collectors.port import Options
from pilothouse_agent.counters.offer import offers
from pilothouse_agent.counters.pmu import RAW, Event, parse_cpus, spread
from pilothouse_agent.host import CollectorUnavailable, Host

from tests.support.process import eventually
from tests.unit.agent.recorded_kernel import RecordedKernel
from tests.unit.agent.tree import ALL_FIELDS, USUAL, Tree, recorded, values

NOBODY = 65534
LOCK = "run/likwid.lock"
DEVICES = "sys/bus/event_source/devices"


def kernel_of(tree: Tree) -> RecordedKernel:
    assert isinstance(tree.host.kernel, RecordedKernel)
    return tree.host.kernel


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def later(tree: Tree, collector: PerfCollector, without: str = "") -> dict[str, float]:
    """Return what is told ten seconds later; counters that begin so stay as they were, or are gone."""
    collector.collect()
    tree.overlay("perf", "after")
    if without:
        text = tree.read("kernel/perf").splitlines()
        tree.write("kernel/perf", "\n".join(x for x in text if not x.startswith(without)))
    tree.clock.advance(10)
    return values(collector.collect())


def test_this_machine_counts_switches_and_faults_or_says_what_is_missing():
    host = Host()
    try:
        collector = PerfCollector(host, ALL_FIELDS)
    except CollectorUnavailable as exc:
        assert "CAP_PERFMON" in str(exc) or "no hardware counters" in str(exc)
        return
    collector.collect()

    def switched():
        os.sched_yield()
        return values(collector.collect()).get("perf_context_switches", 0) > 0

    assert eventually(switched, within=10)
    collector.close()


def test_without_counters_there_is_no_such_collector_and_nothing_stays_open(tmp_path):
    tree = recorded(tmp_path, "perf")
    first_thread_only = "\n".join(
        line for line in tree.read("kernel/perf").splitlines() if line.startswith("0 0 ")
    )
    tree.write("kernel/perf", first_thread_only)
    before = descriptors()

    with pytest.raises(CollectorUnavailable, match="no hardware counters"):
        PerfCollector(tree.host, USUAL)

    assert descriptors() == before


def test_where_nothing_tells_the_hardware_threads_nothing_is_counted(tmp_path):
    with pytest.raises(CollectorUnavailable, match="no hardware counters"):
        PerfCollector(Tree(tmp_path).host, USUAL)


def test_who_may_not_count_is_told_what_to_do(tmp_path):
    tree = recorded(tmp_path, "perf")
    tree.write("proc/sys/kernel/perf_event_paranoid", "4\n")
    kernel_of(tree).denied = True

    with pytest.raises(CollectorUnavailable, match=r"CAP_PERFMON.*it is 4"):
        PerfCollector(tree.host, USUAL)


def test_another_source_leaves_the_counters_alone(tmp_path):
    with pytest.raises(CollectorUnavailable, match="PILOTHOUSE_COUNTERS is off"):
        PerfCollector(recorded(tmp_path, "perf").host, Options(counters="off"))


def test_few_descriptors_are_used_for_what_is_worth_most(tmp_path):
    tree = recorded(tmp_path, "perf")
    kernel_of(tree).limit = 256 + 4 * 2 + 2 * 2 * 2
    before = descriptors()
    collector = PerfCollector(tree.host, USUAL)
    used = descriptors() - before

    got = later(tree, collector)

    assert used == 16
    assert {"ipc[socket:0]", "mem_bw"} <= got.keys()
    assert "flops_any" not in got
    collector.close()
    assert descriptors() == before


def test_counters_are_left_to_who_owns_likwid_s_lock(tmp_path):
    tree = recorded(tmp_path, "perf")
    collector = PerfCollector(tree.host, Options(counters_lock=f"/{LOCK}"))
    before = descriptors()
    tree.write(LOCK, "")
    if os.geteuid() == 0:
        os.chown(tmp_path / LOCK, NOBODY, -1)

    assert collector.collect() == []
    assert descriptors() < before

    tree.remove(LOCK)
    assert collector.collect() == []
    assert later(tree, collector)["ipc"] == 1.4
    collector.close()


def test_a_group_that_was_never_on_the_hardware_has_no_value(tmp_path):
    tree = recorded(tmp_path, "perf")
    collector = PerfCollector(tree.host, USUAL)
    collector.collect()
    kept = [line for line in tree.read("kernel/perf").splitlines() if line.startswith("3 4 0x1c7")]
    tree.overlay("perf", "after")
    lines = tree.read("kernel/perf").splitlines()
    lines = [kept[0] if line.startswith("3 4 0x1c7") else line for line in lines]
    tree.write("kernel/perf", "\n".join(lines))
    tree.clock.advance(10)

    got = values(collector.collect())

    assert "flops_dp" not in got
    assert "flops_any[socket:1]" not in got
    assert got["flops_sp"] == 25e6
    collector.close()


def test_a_thread_that_goes_offline_is_dropped(tmp_path):
    tree = recorded(tmp_path, "perf")
    collector = PerfCollector(tree.host, USUAL)

    got = later(tree, collector, without="1 ")

    assert got["instructions[socket:0]"] == 4.5e9
    collector.close()


def amd(tmp_path, family: int, model: int, **files: str) -> list[tuple[tuple[Event, ...], object]]:
    tree = Tree(tmp_path)
    cpu = f"vendor_id : AuthenticAMD\ncpu family : {family}\nmodel : {model}\n\nprocessor : 1\n"
    tree.write("proc/cpuinfo", cpu)
    for path, text in files.items():
        tree.write(f"{DEVICES}/{path.replace('__', '/')}", text)
    return [(offer.events, offer.adds) for offer in offers(tree.host, software=False)]


def test_zen_4_is_asked_for_its_memory_controllers(tmp_path):
    found = amd(
        tmp_path,
        0x19,
        0x11,
        amd_umc_0__type="21",
        amd_umc_0__cpumask="0",
        amd_umc_0__format__event="config:0-7",
        amd_umc_0__format__rdwrmask="config:8-9",
    )

    events = (Event(21, 0x10A), Event(21, 0x20A))
    assert (events, ((("mem_read_bw", 64.0),), (("mem_write_bw", 64.0),))) in found
    assert ((Event(RAW, 0x0F03),), ((("flops_any", 1.0),),)) in found


def test_zen_2_is_asked_for_its_data_fabric_in_two_groups(tmp_path):
    found = amd(
        tmp_path,
        0x17,
        0x31,
        amd_df__type="15",
        amd_df__cpumask="0,64",
        amd_df__format__event="config:0-7,32-35,59-60",
        amd_df__format__umask="config:8-15",
    )

    channels = [event.config for events, _ in found for event in events if event.type == 15]
    assert len(channels) == 8
    assert channels[0] == 0x3807
    assert channels[4] == 0x1_0000_3807


def test_a_described_event_of_a_format_that_is_not_known_is_left_out(tmp_path):
    tree = recorded(tmp_path, "perf")
    tree.remove(f"{DEVICES}/uncore_imc_0/format/umask")

    kinds = {e.type for offer in offers(tree.host, software=False) for e in offer.events}

    assert 13 not in kinds
    assert 14 in kinds


@given(st.integers(0, 2**14 - 1))
def test_bits_are_spread_and_none_is_lost(value):
    bits = spread(value, "0-7,32-35,59-60")

    assert bits & 0xFF | (bits >> 32 & 0xF) << 8 | (bits >> 59 & 3) << 12 == value


def test_lists_of_threads_are_read():
    assert parse_cpus("0-2,64") == [0, 1, 2, 64]
    assert parse_cpus("none") == []
