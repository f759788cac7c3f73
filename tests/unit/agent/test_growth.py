"""The work of a sweep grows with the node, and not faster: counted in calls, which no other load disturbs."""

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from pilothouse_agent.collectors.port import Options
from pilothouse_agent.collectors.table import COLLECTORS
from pilothouse_agent.sweep import make_collectors
from pilothouse_common.contract.samples import SampleEncoder

from tests.unit.agent.growth import big_node, ten_seconds_of_work

T = TypeVar("T")
SIZES = (1, 2, 4)
OPTIONS = Options(cpu_levels=("node", "socket", "hwthread"), all_fields=True)
SLACK_CALLS = 40
"""A buffer or a table that grows now and then."""


def calls_of(work: Callable[[], T]) -> tuple[int, T]:
    """Return how many functions are called, Python's and the interpreter's own, and what it returns."""
    calls = 0

    def count(frame, event, argument) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        result = work()
    finally:
        sys.setprofile(None)
    return calls, result


def work_of_a_sweep(root: Path, layout: str, size: int) -> Counter[str]:
    """Return the calls by collector, and of the encoder, of one sweep of a node of this size."""
    tree = big_node(root, layout, hwthreads=16 * size, jobs=3 * size, processes=10 * size)
    calls: Counter[str] = Counter()
    encoder = SampleEncoder("alpha", "n01")
    for collector in make_collectors(COLLECTORS, tree.host, OPTIONS):
        for _ in range(2):
            encoder.message(list(collector.collect()), 1)
            ten_seconds_of_work(tree)
        calls[collector.name], samples = calls_of(lambda: list(collector.collect()))  # noqa: B023 called here
        encoder.message(samples, 1)
        calls["encoder"] += calls_of(lambda: encoder.message(samples, 2))[0]  # noqa: B023 called here
        collector.close()
    return calls


@pytest.mark.parametrize("layout", ["v2-23.11", "v1-22.05"])
def test_the_work_of_a_sweep_grows_with_the_node_and_not_faster(tmp_path, layout):
    once, twice, four = (work_of_a_sweep(tmp_path / str(n), layout, n) for n in SIZES)

    growing = {name for name in once if twice[name] > once[name] + SLACK_CALLS}
    assert {"cpu", "cgroup", "encoder"} <= growing
    for name in once:
        added, added_next = twice[name] - once[name], four[name] - twice[name]
        assert added_next <= 2.2 * max(added, 0) + SLACK_CALLS, name
