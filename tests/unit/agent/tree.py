"""Recorded nodes for tests: a tree of files that a test can move forward in time, and its clock."""

import os
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from pilothouse_agent.collectors.port import Collector, Factory, Options
from pilothouse_agent.collectors.table import COLLECTORS
from pilothouse_agent.host import Host
from pilothouse_agent.sweep import make_collectors
from pilothouse_common.contract.samples import Sample, SampleEncoder

from tests.unit.agent.recorded_kernel import RecordedKernel

FIXTURES = Path(__file__).parent / "fixtures"
GIBIBYTE = 1 << 30
USUAL = Options()
ALL_FIELDS = Options(
    cpu_levels=("node", "socket", "hwthread"), all_fields=True, job_detail="task", job_processes=3
)


class FakeClock:
    """Time that passes only when a test says so."""

    def __init__(self, unix_seconds: float = 1_700_000_000.0) -> None:
        self.wall = unix_seconds
        self.steady = 1000.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.wall, UTC)

    def monotonic(self) -> float:
        return self.steady

    def advance(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


def known_statvfs(path: str) -> os.statvfs_result:
    """Every file system has 1000 blocks of 1 GiB, 400 free, 300 for users; 50 files, 20 free."""
    block = GIBIBYTE
    return os.statvfs_result((block, block, 1000, 400, 300, 50, 20, 20, 0, 255))


class Tree:
    """A node's files below a directory of the test."""

    def __init__(self, root: Path, files: dict[str, str] | None = None) -> None:
        self.root = root
        self.clock = FakeClock()
        self.host = Host(
            root,
            self.clock,
            known_statvfs,
            lambda: self.clock.steady / 1000,
            kernel=RecordedKernel(root),
        )
        os.environ["FAKE_NVML"] = str(root / "nvml")  # what tests/support/nvml answers from
        os.environ["FAKE_AMDSMI"] = str(root / "amdsmi")
        for path, text in (files or {}).items():
            self.write(path, text)

    def write(self, path: str, text: str | bytes) -> None:
        """Write in place: descriptors that are kept see the new content, as in /proc."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode() if isinstance(text, str) else text)

    def read(self, path: str) -> str:
        return (self.root / path).read_text()

    def overlay(self, *names: str) -> "Tree":
        """Copy a recorded tree over this one; programs in it stay programs."""
        source = FIXTURES.joinpath(*names)
        for file in sorted(source.rglob("*")):
            if file.is_file():
                path = str(file.relative_to(source))
                self.write(path, file.read_bytes())
                (self.root / path).chmod(file.stat().st_mode)
        return self

    def remove(self, path: str) -> None:
        target = self.root / path
        if target.is_dir():
            shutil.rmtree(target)
        else:
            target.unlink()


def small(root: Path) -> Tree:
    """A virtual machine with two hardware threads, one disk and one interface."""
    return Tree(root).overlay("small", "before")


def recorded(root: Path, collector: str) -> Tree:
    """The same, with what most nodes lack and this collector reads: ``fixtures/COLLECTOR/before``."""
    return small(root).overlay(collector, "before")


def after_ten_seconds(tree: Tree, factory: Factory, options: Options = USUAL) -> list[Sample]:
    """Return what a collector tells the second time, ten seconds after the first.

    A collector with ``sources`` tells what these left on the host: they are asked before it.
    """
    names = getattr(factory, "sources", ())
    sources = [each for each in COLLECTORS if each.name in names]
    before = make_collectors(sources, tree.host, options)
    collector = factory(tree.host, options)
    for each in (*before, collector):
        list(each.collect())
    tree.overlay("small", "after").overlay(factory.name, "after")
    tree.clock.advance(10)
    try:
        for each in before:
            list(each.collect())
        return list(collector.collect())
    finally:
        for each in (*before, collector):
            each.close()


def values(samples: Iterable[Sample]) -> dict[str, float]:
    """Return values by ``name``, ``name[type:id]`` or ``name[stype_id]``."""
    out = {}
    for s in samples:
        level = f"{s.type}:{s.type_id}" if s.type_id else s.stype_id
        out[f"{s.name}[{level}]" if level else s.name] = s.value
    return out


def lines(samples: Iterable[Sample]) -> str:
    return SampleEncoder("alpha", "n01").lines(samples, 1_700_000_010)


def twice(tree: Tree, collector: Collector, change: dict[str, str]) -> dict[str, float]:
    """Return the values ten seconds later, after some files changed."""
    list(collector.collect())
    for path, text in change.items():
        tree.write(path, text)
    tree.clock.advance(10)
    return values(collector.collect())


def job_tree(root: Path, layout: str) -> Tree:
    """A node with jobs as one combination of Slurm and kernel lays them out: ``fixtures/jobs``."""
    return lay_out(Tree(root), f"{layout}.before.tree")


def lay_out(tree: Tree, name: str) -> Tree:
    """Write the files of a recorded tree: ``=== path``, then its text (``\\0``: a zero byte)."""
    text = (FIXTURES / "jobs" / name).read_text()
    for part in text.split("=== ")[1:]:
        path, _, content = part.partition("\n")
        tree.write(path, content.replace("\\0", "\0"))
    return tree
