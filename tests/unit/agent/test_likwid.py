"""LIKWID: one program that runs on; here a program that prints what likwid-perfctr 5.2 prints, -O -t 10s.

The header goes to standard output and the values to standard error, as in the real one.
"""

import os
from pathlib import Path

import pytest
from pilothouse_agent.collectors.perf import PerfCollector
from pilothouse_agent.collectors.port import Options
from pilothouse_agent.counters.likwid import LikwidEnded
from pilothouse_agent.host import CollectorUnavailable

from tests.support.process import eventually
from tests.unit.agent.tree import Tree, values

NOBODY = 65534
CPU = "sys/devices/system/cpu"
HEADER = """--------------------------------------------------------------------------------
CPU name:\tIntel(R) Xeon(R) Platinum 8360Y CPU @ 2.40GHz
# HWThreads: 0|1|2|3
# GID|MetricsCount|CpuCount|Total runtime [s]|Clock [MHz]|CPI|DP [MFLOP/s]|Memory bandwidth [MBytes/s]"""
FIRST = "1,4,4,10.0001,2400.5,2400,2400,2400,0.5,0.5,0.5,0.5,1,1,1,1,7,0,7,0"
NEWEST = "1,4,4,20.0002,3000.0,3000.0,1000.0,0,0.5,1.0,4.0,-nan,100.5,99.5,10,0,2000.25,0,50,0"
STAYS = 'trap "exit 0" INT\nwhile :; do sleep 0.05; done\n'


def node(tmp_path: Path, ending: str = STAYS) -> tuple[Tree, Options]:
    """Make a node of two sockets, and the program."""
    tree = Tree(tmp_path)
    for thread in range(4):
        tree.write(f"{CPU}/cpu{thread}/topology/physical_package_id", str(thread // 2))
    said = f"cat <<'END'\n{HEADER}\nEND\ncat >&2 <<'END'\n{FIRST}\n{NEWEST}\nEND\n"
    program = tmp_path / "likwid-perfctr"
    asked = f'echo "$@" > {tmp_path}/asked\n'
    program.write_text(f"#!/bin/sh\n{asked}{said}{ending}")
    program.chmod(0o755)
    options = Options(
        counters="likwid", likwid_program=str(program), counters_lock="/run/likwid.lock"
    )
    return tree, options


def told(collector: PerfCollector) -> dict[str, float]:
    return eventually(lambda: values(collector.collect()), within=10)


def test_traffic_and_operations_are_added_and_idle_threads_have_no_clock(tmp_path):
    tree, options = node(tmp_path)
    collector = PerfCollector(tree.host, options)

    got = told(collector)

    assert (got["mem_bw"], got["mem_bw[socket:0]"]) == (2050.25e6, 2000.25e6)
    assert (got["flops_dp"], got["flops_dp[socket:1]"]) == (210e6, 10e6)
    assert (got["clock_busy[socket:0]"], got["clock_busy[socket:1]"]) == (3e9, 1e9)
    assert (got["ipc[socket:0]"], got["ipc[socket:1]"]) == (1.5, 0.25)
    asked = (tmp_path / "asked").read_text().split()
    assert asked == ["-O", "-t", "10s", "-g", "MEM_DP", "-c", "0,1,2,3"]
    collector.close()


def test_a_program_that_ends_is_told_by_its_last_words_and_started_again_later(tmp_path):
    tree, options = node(tmp_path, 'echo "Error starting counters for cpu 0." >&2\nexit 1\n')
    collector = PerfCollector(tree.host, options)

    def ended():
        try:
            collector.collect()
        except LikwidEnded as exc:
            return "Error starting counters" in str(exc)
        return False

    assert eventually(ended, within=10)
    (tmp_path / "asked").unlink()
    assert collector.collect() == []
    assert not (tmp_path / "asked").exists()
    tree.clock.advance(61)
    assert eventually(ended, within=10)
    assert (tmp_path / "asked").exists()


def test_counters_are_given_back_while_a_user_owns_the_lock(tmp_path):
    tree, options = node(tmp_path, f"echo $$ > {tmp_path}/pid\n{STAYS}")
    collector = PerfCollector(tree.host, options)
    told(collector)
    pid = int((tmp_path / "pid").read_text())
    tree.write("run/likwid.lock", "")
    if os.geteuid() == 0:
        os.chown(tmp_path / "run/likwid.lock", NOBODY, -1)

    assert collector.collect() == []

    assert not Path(f"/proc/{pid}").exists()


def test_a_program_that_others_can_change_is_not_run(tmp_path):
    tree, options = node(tmp_path)
    (tmp_path / "likwid-perfctr").chmod(0o777)

    with pytest.raises(CollectorUnavailable, match="everybody may write"):
        PerfCollector(tree.host, options)


def test_without_likwid_there_is_no_such_collector(tmp_path):
    with pytest.raises(CollectorUnavailable, match="LIKWID: /nowhere/likwid-perfctr"):
        PerfCollector(
            Tree(tmp_path).host,
            Options(counters="likwid", likwid_program="/nowhere/likwid-perfctr"),
        )
