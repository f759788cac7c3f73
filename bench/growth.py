"""How the CPU time of a sweep grows with the node: 300 processes, 20 jobs and 256 hardware threads, x2, x4.

Recorded nodes, their parts copied (tests/unit/agent/growth.py), with cgroup v1 and v2. Every collector
that such a node has is asked with every field, and the message is made. The exponent is that of size
in time, from x1 to x4: 1 is linear.
"""

import gc
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from math import log
from pathlib import Path

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.collectors.table import COLLECTORS
from pilothouse_agent.sweep import make_collectors
from pilothouse_common.contract.samples import SampleEncoder

from bench.report import Figure, progress, show
from tests.unit.agent.growth import big_node, ten_seconds_of_work
from tests.unit.agent.tree import Tree

LAYOUTS = {"v2": "v2-23.11", "v1": "v1-22.05"}
HWTHREADS, JOBS, PROCESSES = 256, 20, 300
SIZES = (1, 2, 4)
SWEEPS = 20
OPTIONS = Options(cpu_levels=("node", "socket", "hwthread"), all_fields=True)


def main() -> int:
    gc.disable()  # it does not run in an agent either: see its __main__
    show("agent: CPU time of a whole sweep, as the node grows", figures())
    return 0


def figures() -> Iterator[Figure]:
    for name, layout in LAYOUTS.items():
        found: dict[int, float] = {}
        for size in SIZES:
            progress(f"cgroup {name}, x{size}")
            with tempfile.TemporaryDirectory(prefix="bench-growth-", dir="/dev/shm") as root:
                found[size], series = time_of_a_sweep(Path(root), layout, size)
            what = f"cgroup {name}, x{size}, {series} series [ms]"
            yield Figure(what, found[size] * 1e3, found[1] * 1e3 * size, f"{size} times x1")
        exponent = log(found[SIZES[-1]] / found[1]) / log(SIZES[-1])
        yield Figure(f"cgroup {name}, exponent", exponent, aim=1.1)


def time_of_a_sweep(root: Path, layout: str, size: int) -> tuple[float, int]:
    """Return CPU seconds of the fastest sweep (others use this machine too), and its series."""
    tree = big_node(
        root, layout, hwthreads=HWTHREADS * size, jobs=JOBS * size, processes=PROCESSES * size
    )
    collectors = make_collectors(COLLECTORS, tree.host, OPTIONS)
    encoder = SampleEncoder("alpha", "n01")
    series = 0

    def sweep() -> None:
        nonlocal series
        samples = [sample for each in collectors for sample in each.collect()]
        encoder.message(samples, 1)
        series = len(samples)

    try:
        spent = [cpu_seconds(sweep, tree) for _ in range(SWEEPS)]
    finally:
        for each in collectors:
            each.close()
    return min(spent[2:]), series


def cpu_seconds(work: Callable[[], None], tree: Tree) -> float:
    ten_seconds_of_work(tree)
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    sys.exit(main())
