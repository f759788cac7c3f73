"""CPU time of one call of each collector: on this machine where it has the thing, else on its recorded tree.

With --write, docs/metrics.md shows the figures: pilothouse_common/contract/metrics/costs.py is written.
Calls follow one another, so that caches are warm and the figures steady; with seconds between them the
same work takes a few times as long, which python -m bench agent shows. A recorded tree is made of ordinary
files, whose reading costs less than that of most kernel files.
"""

import argparse
import ctypes
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import quantiles

from pilothouse_agent.collectors.port import Collector, Factory, Options
from pilothouse_agent.collectors.table import COLLECTORS
from pilothouse_agent.host import Host
from pilothouse_agent.sweep import probe
from pilothouse_common.contract.metrics import costs

from bench.report import Figure, progress, show
from tests.support import amdsmi, nvml
from tests.unit.agent.tree import Tree, recorded

ASKS = 100


def main(*arguments: str) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench collectors", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write contract/metrics/costs.py")
    write = parser.parse_args(arguments).write
    with tempfile.TemporaryDirectory(prefix="bench-libraries-") as name:
        load_libraries(Path(name))
    found = {factory.name: (where, cost, series) for factory, where, cost, series in costs_of_all()}
    show(
        "agent: CPU time of one call of each collector [µs]",
        [
            *(Figure(f"{n}, {s} series, {where}", c) for n, (where, c, s) in found.items()),
            Figure("sum", sum(cost for _, cost, _ in found.values())),
        ],
    )
    if write:
        write_costs({name: cost for name, (_, cost, _) in found.items()})
    return 0


def load_libraries(directory: Path) -> None:
    """Load what recorded GPUs answer through; a machine with NVIDIA's own keeps that one."""
    try:
        ctypes.CDLL(nvml.SONAME)
    except OSError:
        os.environ["FAKE_NVML_ONCE"] = "1"  # our share is wanted, not that of reading the answers
        ctypes.CDLL(str(nvml.build_library(directory)))
        ctypes.CDLL(str(amdsmi.build_library(directory)))


def costs_of_all() -> Iterator[tuple[Factory, str, float, int]]:
    """Yield each collector with where it was asked, its cost in µs and how many series it told."""
    for factory in COLLECTORS:
        progress(factory.name)
        cost, series = cost_of(factory, Host())
        if series:
            yield factory, "this machine", cost, series
            continue
        with tempfile.TemporaryDirectory(prefix="bench-collectors-") as name:
            tree = recorded(Path(name), factory.name)
            tree.overlay(factory.name, "after")
            yield (
                factory,
                "recorded",
                *cost_of(factory, tree.host, ten_seconds_later(tree)),
            )


def ten_seconds_later(tree: Tree) -> Callable[[], None]:
    freshness = tree.root / "sys/cray/pm_counters/freshness"

    def advance() -> None:
        tree.clock.advance(10)
        if freshness.exists():  # a controller whose counters stand still is broken
            freshness.write_text(f"{tree.clock.monotonic():.0f}\n")

    return advance


def cost_of(factory: Factory, host: Host, advance=lambda: None) -> tuple[float, int]:
    """Return CPU time per call in µs, of all threads, and the series of the last call."""
    collector = probe(factory, host, Options())
    if isinstance(collector, str):
        return 0.0, 0
    try:
        return _ask(collector, advance)
    finally:
        collector.close()


def _ask(collector: Collector, advance) -> tuple[float, int]:
    spent = []
    for _ in range(ASKS):
        advance()  # rates need time between two calls
        start = time.process_time()
        samples = list(collector.collect())
        spent.append((time.process_time() - start) * 1e6)
    return quantiles(spent, n=10)[0], len(samples)  # the fastest tenth: others use this machine too


def write_costs(found: dict[str, float]) -> None:
    """Write the figures into the contract, rounded to two digits: more is noise."""
    path = Path(costs.__file__)
    head, _, _ = path.read_text().partition("COST_MICROSECONDS")
    rows = "".join(f'    "{name}": {round_to_two(cost)},\n' for name, cost in sorted(found.items()))
    path.write_text(f"{head}COST_MICROSECONDS: dict[str, int] = {{\n{rows}}}\n")
    print(
        f"wrote {path}; now: python -m pilothouse_common.contract.metrics_document > docs/metrics.md"
    )


def round_to_two(cost: float) -> int:
    return int(float(f"{max(cost, 1.0):.2g}"))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
