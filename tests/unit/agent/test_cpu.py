"""CPU percentages per level from /proc/stat: known ticks give known numbers."""

import pytest
from pilothouse_agent.collectors.cpu import CpuCollector
from pilothouse_agent.collectors.port import Options

from tests.unit.agent.tree import Tree, twice

TAIL = """intr {i} 7 0 9
ctxt {c}
btime 1700000000
processes {p}
procs_running 2
procs_blocked 1
softirq 5 1 2
"""
ALL_LEVELS = Options(cpu_levels=("node", "socket", "hwthread"), all_fields=True)


def stat(*rows: str, i: int = 0, c: int = 0, p: int = 0) -> str:
    return "\n".join(rows) + "\n" + TAIL.format(i=i, c=c, p=p)


def two_sockets(tmp_path, threads: int = 4) -> Tree:
    files = {"proc/stat": stat("cpu 0 0 0 0 0 0 0 0 0 0")}
    for cpu in range(threads):
        base = f"sys/devices/system/cpu/cpu{cpu}/topology"
        files[f"{base}/physical_package_id"] = f"{cpu * 2 // threads}\n"
        files[f"{base}/core_id"] = f"{cpu}\n"
    return Tree(tmp_path, files)


def test_a_mode_is_its_part_of_all_time_of_the_level(tmp_path):
    tree = two_sockets(tmp_path)
    zero = [f"{name} 0 0 0 0 0 0 0 0 0 0" for name in ("cpu", "cpu0", "cpu1", "cpu2", "cpu3")]
    tree.write("proc/stat", stat(*zero))
    collector = CpuCollector(tree.host, ALL_LEVELS)
    later = stat(
        "cpu  1500 100 400 1800 100 40 40 20 30 10",
        "cpu0 1000 0 0 0 0 0 0 0 0 0",
        "cpu1 500 0 0 500 0 0 0 0 0 0",
        "cpu2 0 100 400 300 100 40 40 20 30 10",
        "cpu3 0 0 0 1000 0 0 0 0 0 0",
    )

    got = twice(tree, collector, {"proc/stat": later})

    assert got["cpu_user"] == pytest.approx(37.5)
    assert got["cpu_guest"] == pytest.approx(0.75)  # guest is inside user: not in the total
    assert got["cpu_user[socket:0]"] == pytest.approx(75)
    assert got["cpu_idle[socket:1]"] == pytest.approx(65)
    assert got["cpu_user[hwthread:0]"] == 100
    assert got["cpu_steal[hwthread:2]"] == pytest.approx(2)
    assert got["cpu_guest_nice[hwthread:2]"] == pytest.approx(1)


def test_kernel_counters_become_rates(tmp_path):
    tree = Tree(tmp_path, {"proc/stat": stat("cpu 1 0 0 1", i=1000, c=2000, p=30)})
    collector = CpuCollector(tree.host, Options())

    got = twice(tree, collector, {"proc/stat": stat("cpu 2 0 0 2", i=1500, c=12000, p=31)})

    assert (got["interrupts"], got["context_switches"], got["forks"]) == (50, 1000, 0.1)
    assert got["proc_blocked"] == 1


def test_the_first_interval_has_no_percentages(tmp_path):
    collector = CpuCollector(two_sockets(tmp_path).host, ALL_LEVELS)

    names = {sample.name for sample in collector.collect()}

    assert names == {"proc_blocked", "proc_running"}


def test_idle_time_that_falls_a_little_counts_as_none(tmp_path):
    tree = Tree(tmp_path, {"proc/stat": stat("cpu 100 0 0 500 50 0 0 0")})
    collector = CpuCollector(tree.host, Options())

    got = twice(tree, collector, {"proc/stat": stat("cpu 200 0 0 600 49 0 0 0")})

    assert (got["cpu_user"], got["cpu_idle"], got["cpu_iowait"]) == (50, 50, 0)


def test_a_reset_gives_no_percentages_and_the_next_interval_does(tmp_path):
    tree = Tree(tmp_path, {"proc/stat": stat("cpu 1000 0 0 5000 0 0 0 0")})
    collector = CpuCollector(tree.host, Options())

    reset = twice(tree, collector, {"proc/stat": stat("cpu 10 0 0 50 0 0 0 0")})
    after = twice(tree, collector, {"proc/stat": stat("cpu 20 0 0 80 0 0 0 0")})

    assert "cpu_user" not in reset
    assert after["cpu_user"] == pytest.approx(25)


def test_a_thread_that_goes_offline_and_comes_back_disturbs_nobody(tmp_path):
    tree = two_sockets(tmp_path, threads=2)
    both = ["cpu 20 0 0 20", "cpu0 10 0 0 10", "cpu1 10 0 0 10"]
    tree.write("proc/stat", stat(*both))
    collector = CpuCollector(tree.host, ALL_LEVELS)
    list(collector.collect())

    gone = twice(tree, collector, {"proc/stat": stat("cpu 40 0 0 40", "cpu0 20 0 0 20")})
    back = twice(
        tree, collector, {"proc/stat": stat("cpu 60 0 0 60", "cpu0 30 0 0 30", "cpu1 10 0 0 10")}
    )

    assert "cpu_user[hwthread:1]" not in gone
    assert "cpu_user[hwthread:1]" not in back
    assert back["cpu_user[hwthread:0]"] == gone["cpu_user[hwthread:0]"] == 50


def test_a_node_with_256_threads_has_every_level(tmp_path):
    tree = two_sockets(tmp_path, threads=256)
    row = "{} {} 0 0 {} 0 0 0 0 0 0"
    names = ["cpu", *(f"cpu{n}" for n in range(256))]
    tree.write("proc/stat", stat(*(row.format(n, 0, 0) for n in names)))
    collector = CpuCollector(tree.host, ALL_LEVELS)

    got = twice(tree, collector, {"proc/stat": stat(*(row.format(n, 750, 250) for n in names))})

    assert sum(key.startswith("cpu_user[hwthread") for key in got) == 256
    assert got["cpu_user[socket:1]"] == got["cpu_user[hwthread:255]"] == got["cpu_user"] == 75


def test_levels_that_are_not_asked_for_are_not_told(tmp_path):
    tree = two_sockets(tmp_path)
    tree.write("proc/stat", stat("cpu 1 0 0 1", "cpu0 1 0 0 1"))
    collector = CpuCollector(tree.host, Options(cpu_levels=("hwthread",)))

    got = twice(tree, collector, {"proc/stat": stat("cpu 2 0 0 2", "cpu0 2 0 0 2")})

    assert got["cpu_user[hwthread:0]"] == 50
    assert not [key for key in got if key.startswith("cpu_") and "hwthread" not in key]
