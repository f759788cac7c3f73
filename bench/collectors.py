"""CPU time of one call of each collector: on this machine where it has the thing, else on its recorded tree.

With --write, docs/metrics.md shows the figures: pilothouse_common/contract/metrics/costs.py is written.
Calls follow one another, so that caches are warm and the figures steady; with seconds between them the
same work takes a few times as long, which python -m bench agent shows. A recorded tree is made of ordinary
files, whose reading costs less than that of most kernel files.
"""

import argparse
import ctypes
import logging
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
from pilothouse_agent.sweep import Measured, make_collectors
from pilothouse_common.contract.metrics import costs
from pilothouse_common.contract.samples import Sample

from bench.report import Figure, progress, show
from tests.support import amdsmi, nvml
from tests.unit.agent.tree import recorded

ASKS = 100
TICK_SECONDS = 0.011
"""The kernel counts CPU time in hundredths of a second."""
OPTIONS = Options()


def main(*arguments: str) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench collectors", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write contract/metrics/costs.py")
    write = parser.parse_args(arguments).write
    logging.disable(logging.WARNING)  # a recorded tree stands still, which some collectors notice
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
    with tempfile.TemporaryDirectory(prefix="bench-collectors-") as name:
        for factory in COLLECTORS:
            progress(factory.name)
            there = on_its_tree(factory, Path(name))
            here = on_this_machine(factory)
            if here[1] >= there[1] / 2:
                yield factory, "this machine", *here
            else:  # not available, or with little to tell: no job, no device
                yield factory, "recorded", *there


def on_this_machine(factory: Factory) -> tuple[float, int]:
    """Return the cost and the series; (0, 0) where it is not available."""
    made = make_collectors([factory, factory], Host(), OPTIONS)
    if not made:
        return 0.0, 0
    collector, twin = made
    return cost_of(collector, lambda: wait_for_a_tick(twin) if factory.name == "cpu" else None)


def wait_for_a_tick(twin: Collector) -> None:
    """Wait until CPU times have changed, and warm the caches again: they are cold after a sleep."""
    time.sleep(TICK_SECONDS)
    list(twin.collect())


def on_its_tree(factory: Factory, directory: Path) -> tuple[float, int]:
    """Return the cost and the series on the recorded tree, after those whose results it adds up."""
    tree = recorded(directory / factory.name, factory.name)
    names = getattr(factory, "sources", ())
    before = make_collectors([f for f in COLLECTORS if f.name in names], tree.host, OPTIONS)
    [collector] = make_collectors([factory], tree.host, OPTIONS)

    def pass_time() -> None:
        tree.clock.advance(10)
        for each in before:
            list(each.collect())

    pass_time()
    list(collector.collect())
    tree.overlay("small", "after").overlay(factory.name, "after")
    return cost_of(collector, pass_time)


def cost_of(collector: Collector, before: Callable[[], None]) -> tuple[float, int]:
    """Return CPU time per call in µs, of all threads, and the series of the fullest call.

    It is the time of the fastest tenth: others use this machine too.
    """
    spent = []
    series = 0
    try:
        for _ in range(ASKS):
            before()
            start = time.process_time()
            samples = collected(collector)
            spent.append((time.process_time() - start) * 1e6)
            series = max(series, len(samples))
    finally:
        collector.close()
    return quantiles(spent, n=10)[0], series


def collected(collector: Collector) -> list[Sample]:
    """Return its samples; none when it finds that its tree stands still."""
    return [sample for sample in Measured(collector).collect() if sample.stype != "collector"]


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
