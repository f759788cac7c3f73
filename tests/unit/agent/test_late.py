"""A driver or a mount that comes later gets its collector; a probe that hangs stops nothing."""

import threading
from pathlib import Path

import pytest
from pilothouse_agent.collectors.infiniband import InfinibandCollector
from pilothouse_agent.collectors.lustre import LustreCollector
from pilothouse_agent.collectors.port import Collector, Factory
from pilothouse_agent.collectors.table import COLLECTORS, LATE
from pilothouse_agent.late import LateCollectors
from pilothouse_agent.sweep import Sweep, probe

from tests.support.process import eventually
from tests.unit.agent.tree import USUAL, Tree, values

STATE = "sys/class/infiniband/mlx5_0/ports/1/state"
ABSENT = (LustreCollector, InfinibandCollector)


def sweep_of(tree: Tree, look_seconds: float = 0.01) -> Sweep:
    def make(factory: Factory) -> Collector | str:
        return probe(factory, tree.host, USUAL)

    late = LateCollectors(ABSENT, make, look_seconds=look_seconds)
    return Sweep([], deadline_seconds=20, late=late)


def test_a_driver_that_is_loaded_later_gets_its_collector(tmp_path):
    tree = Tree(tmp_path, {"proc/self/mountinfo": ""})
    sweep = sweep_of(tree)
    assert sweep.collect() == []

    tree.write(STATE, "4: ACTIVE\n")

    assert eventually(lambda: "ib_link_up[mlx5_0:1]" in values(sweep.collect()), within=20)
    assert sweep.names == ["infiniband"]
    sweep.close()


def test_nothing_is_looked_for_before_its_time(tmp_path):
    tree = Tree(tmp_path, {STATE: "4: ACTIVE\n"})
    sweep = sweep_of(tree, look_seconds=3600)

    assert sweep.collect() == []
    sweep.close()


def test_a_probe_that_hangs_stops_nothing():
    gate = threading.Event()
    asked = threading.Event()

    def make(factory: Factory) -> str:
        asked.set()
        gate.wait(60)
        return "nothing here"

    late = LateCollectors(ABSENT, make, look_seconds=0)

    assert late.arrived() == []
    assert asked.wait(20)
    assert late.arrived() == []
    late.close()
    gate.set()


@pytest.mark.parametrize("name", sorted(LATE))
def test_one_that_is_looked_for_again_is_in_the_table_and_leaves_nothing_open(tmp_path, name):
    factory = next(factory for factory in COLLECTORS if factory.name == name)
    tree = Tree(tmp_path, {"proc/self/mountinfo": "", "proc/self/mountstats": ""})
    before = _open_files(), threading.active_count()

    assert isinstance(probe(factory, tree.host, USUAL), str)

    assert (_open_files(), threading.active_count()) == before


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
