"""How the CPU time of a sweep grows with the node: 300 processes, 20 jobs and 256 hardware threads, x2, x4.

Recorded nodes, their parts copied (tests/unit/agent/growth.py), with cgroup v1 and v2. Every collector
that such a node has is asked with every field, and the message is made. The exponent is that of size
in time, from x1 to x4: 1 is linear.
"""

import gc
import sys
import tempfile
import time
from collections.abc import Iterator
from math import inf, log
from pathlib import Path

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.collectors.table import COLLECTORS
from pilothouse_agent.sweep import make_collectors
from pilothouse_common.contract.samples import SampleEncoder

from bench.report import Figure, progress, show
from tests.unit.agent.growth import big_node, ten_seconds_of_work

LAYOUTS = {"v2": "v2-23.11", "v1": "v1-22.05"}
HWTHREADS, JOBS, PROCESSES = 256, 20, 300
SIZES = (1, 2, 4)
SWEEPS = 20
FIRST = 2
"""Sweeps that open files and have no rates yet."""
OPTIONS = Options(cpu_levels=("node", "socket", "hwthread"), all_fields=True)


def main() -> int:
    gc.disable()  # it does not run in an agent either: see its __main__
    show("agent: CPU time of a whole sweep, as the node grows", figures())
    return 0


def figures() -> Iterator[Figure]:
    for name, layout in LAYOUTS.items():
        progress(f"cgroup {name}")
        with tempfile.TemporaryDirectory(prefix="bench-growth-", dir="/dev/shm") as root:
            nodes = {size: Node(Path(root) / str(size), layout, size) for size in SIZES}
            for _ in range(SWEEPS):  # in turn: the machine's speed drifts
                for node in nodes.values():
                    node.sweep()
            for node in nodes.values():
                node.close()
        once = nodes[1].seconds
        for size, node in nodes.items():
            what = f"cgroup {name}, x{size}, {node.series} series [ms]"
            yield Figure(what, node.seconds * 1e3, once * 1e3 * size, f"{size} times x1")
        exponent = log(nodes[SIZES[-1]].seconds / once) / log(SIZES[-1])
        yield Figure(f"cgroup {name}, exponent", exponent, aim=1.1)


class Node:
    """One node of a size, and the CPU seconds of its fastest sweep: others use this machine too."""

    def __init__(self, root: Path, layout: str, size: int) -> None:
        self._tree = big_node(
            root, layout, hwthreads=HWTHREADS * size, jobs=JOBS * size, processes=PROCESSES * size
        )
        self._collectors = make_collectors(COLLECTORS, self._tree.host, OPTIONS)
        self._encoder = SampleEncoder("alpha", "n01")
        self._sweeps = 0
        self.seconds = inf
        self.series = 0

    def sweep(self) -> None:
        ten_seconds_of_work(self._tree)
        start = time.process_time()
        samples = [sample for each in self._collectors for sample in each.collect()]
        self._encoder.message(samples, 1)
        spent = time.process_time() - start
        self._sweeps += 1
        self.series = len(samples)
        if self._sweeps > FIRST:
            self.seconds = min(self.seconds, spent)

    def close(self) -> None:
        for each in self._collectors:
            each.close()


if __name__ == "__main__":
    sys.exit(main())
