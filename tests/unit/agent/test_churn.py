"""Devices and jobs come and go: however long, an agent holds no more descriptors and threads."""

import os
import shutil
import threading
from collections.abc import Iterator
from itertools import pairwise

import pytest
from pilothouse_agent.collectors.table import COLLECTORS, INTERVALS
from pilothouse_agent.sweep import Sweep, how_often, make_collectors
from pilothouse_common.contract.samples import SampleEncoder

from tests.unit.agent.growth import MOUNT, big_node
from tests.unit.agent.tree import FIXTURES, USUAL, Tree

SWEEPS = 200
SWEEP_SECONDS = 10.0
SCOPE = "sys/fs/cgroup/system.slice/slurmstepd.scope"
INTERFACE = "{name}: 1 {n} 0 0 0 0 0 0 1 {n} 0 0 0 0 0 0\n"


@pytest.fixture
def node(tmp_path) -> Tree:
    """A node with everything that there is a record of."""
    tree = big_node(tmp_path, "v2-23.11", hwthreads=4, jobs=2, processes=4)
    mounts = tree.read(MOUNT)
    for directory in sorted(FIXTURES.iterdir()):
        if (directory / "before").is_dir() and directory.name not in {"small", "cgroup"}:
            tree.overlay(directory.name, "before")
    tree.write(MOUNT, tree.read(MOUNT) + mounts)
    return tree


def churn(tree: Tree) -> Iterator[None]:
    """Change the jobs and the devices, again and again, back to as many as before every tenth time."""
    devices = tree.read("proc/net/dev")
    model = next((tree.root / SCOPE).glob("job_*"))
    n = 0
    while True:
        n += 1
        if n % 2:
            shutil.copytree(model, model.with_name(f"job_{900_000 + n}"))
        more = (INTERFACE.format(name=f"ib{n}x{i}", n=n) for i in range(n % 10))
        tree.write("proc/net/dev", devices + "".join(more))
        if n % 10 == 0:
            for path in model.parent.glob("job_9*"):
                shutil.rmtree(path)
        tree.clock.advance(SWEEP_SECONDS)
        yield


def test_descriptors_and_threads_stay_as_many(node):
    every = how_often(COLLECTORS, INTERVALS, {}, SWEEP_SECONDS)
    collectors = make_collectors(COLLECTORS, node.host, USUAL)
    sweep = Sweep(collectors, deadline_seconds=30, every=every)
    encoder = SampleEncoder("alpha", "n01")
    changes = churn(node)
    held: list[tuple[int, int]] = []

    for n in range(1, SWEEPS + 1):
        next(changes)
        samples = sweep.collect()
        encoder.message(samples, n)
        if n % 20 == 0:
            held.append((len(os.listdir("/proc/self/fd")), threading.active_count()))
    told = {sample.stype_id for sample in samples if sample.name == "agent_collector_up"}
    sweep.close()

    assert {"cgroup", "network", "lustre", "nvidia"} <= told
    for before, after in pairwise(held[1:]):
        assert after <= before, held
