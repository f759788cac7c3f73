"""Whatever the files of a node hold, the sweep goes on and every line of the message is one sample."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pilothouse_agent.collectors.energy import EnergyCollector
from pilothouse_agent.collectors.port import Factory
from pilothouse_agent.collectors.table import COLLECTORS
from pilothouse_agent.report import Reporter
from pilothouse_agent.sweep import Measured, make_collectors
from pilothouse_common.contract.events import decode_event
from pilothouse_common.contract.samples import parse_lines

from tests.unit.agent.tree import ALL_FIELDS, FIXTURES, Tree, lines, small

BY_LIBRARY = ("nvidia",)
"""Trees whose collector asks a library, not files."""
FILES = sorted(
    p
    for p in FIXTURES.glob("*/before/**/*")
    if p.is_file() and p.relative_to(FIXTURES).parts[0] not in BY_LIBRARY
)
"""Of the small node, which all collectors read, and of what one collector reads that most nodes lack."""
READERS = {"energy": ("energy", *EnergyCollector.sources), "nfs-linux-6.1": ("nfs",)}
"""Who reads a tree that is not named after the one collector that does."""
WORDS = st.sampled_from(
    [b"cpu0", b"-1", b"0", b"18446744073709551615", b"9" * 40, b"1e400", b"nan", b"some", b"=", b":",
     b"eth0:", b"\xff\xfe", b"\x00", b"\n", b" ", b"\t", b" - ", b"kB", b"avg10=x", b"a,b c=d\\"]
)  # fmt: skip
GARBAGE = st.one_of(
    st.binary(max_size=300), st.lists(WORDS, max_size=60).map(b"".join), st.just(b"")
)


@contextmanager
def tree_with(file: Path) -> Iterator[tuple[Tree, str]]:
    """Give the small node with the recorded tree that a file is of, and the file's path in it."""
    collector, before, *path = file.relative_to(FIXTURES).parts
    root = Path(tempfile.mkdtemp(prefix="garbage-"))
    try:
        yield small(root).overlay(collector, before), str(Path(*path))
    finally:
        shutil.rmtree(root)


def readers(file: Path) -> list[Factory]:
    """Return the collectors to ask: every one for every file would be thousands of times too many."""
    tree = file.relative_to(FIXTURES).parts[0]
    if tree == "small":
        return list(COLLECTORS)
    wanted = READERS.get(tree, (tree,))
    return [factory for factory in COLLECTORS if factory.name in wanted]


def shuffled(original: bytes, seed: int) -> bytes:
    """Return the file with one word cut out, one doubled and its end torn off."""
    words = original.split(b" ")
    at = seed % len(words)
    del words[at : at + 1 + seed % 3]
    words.insert(seed % (len(words) + 1), words[0] if words else b"")
    torn = b" ".join(words)
    return torn[: len(torn) - seed % 50]


def assert_told_well(file: Path, tree: Tree, path: str, content: bytes) -> None:
    measured = [Measured(c) for c in make_collectors(readers(file), tree.host, ALL_FIELDS)]
    for one in measured:
        one.collect()

    tree.write(path, content)
    tree.clock.advance(10)
    samples = [sample for one in measured for sample in one.collect()]

    points = list(parse_lines(lines(samples)))
    assert len([p for p in points if p.name == "agent_collector_up"]) == len(measured)
    assert {p.tags["hostname"] for p in points} == {"n01"}
    for one in measured:
        one.collector.close()


@settings(max_examples=80, deadline=None)
@given(file=st.sampled_from(FILES), content=GARBAGE)
def test_garbage_in_a_file_stops_nothing(file, content):
    with tree_with(file) as (tree, path):
        assert_told_well(file, tree, path, content)


@settings(max_examples=80, deadline=None)
@given(file=st.sampled_from(FILES), seed=st.integers(0, 10_000))
def test_a_damaged_file_stops_nothing(file, seed):
    with tree_with(file) as (tree, path):
        assert_told_well(file, tree, path, shuffled(file.read_bytes(), seed))


@settings(max_examples=60, deadline=None)
@given(file=st.sampled_from(FILES), content=GARBAGE)
def test_garbage_from_the_start_stops_nothing_and_the_report_is_an_event(file, content):
    with tree_with(file) as (tree, path):
        tree.write(path, content)
        reporter = Reporter(
            tree.host, cluster="a", hostname="n", interval_seconds=1, collectors=list, version="1"
        )

        collectors = make_collectors(readers(file), tree.host, ALL_FIELDS)
        message = reporter.due()

        assert message is not None
        assert decode_event(message.body).data.subject == "a/nodes/n"
        for collector in collectors:
            collector.close()


@pytest.mark.parametrize("name", sorted({file.relative_to(FIXTURES).parts[0] for file in FILES}))
def test_a_file_that_vanishes_stops_nothing(name):
    files = [file for file in FILES if file.relative_to(FIXTURES).parts[0] == name]
    with tree_with(files[0]) as (tree, _):
        for file in files:
            path = str(Path(*file.relative_to(FIXTURES).parts[2:]))
            tree.remove(path)

            for collector in make_collectors(readers(file), tree.host, ALL_FIELDS):
                Measured(collector).collect()
                collector.close()
            tree.write(path, file.read_bytes())


def test_a_file_without_end_is_refused(tmp_path):
    tree = small(tmp_path)
    tree.write("proc/stat", b"cpu 1 2 3 4\n" * 2_000_000)

    made = make_collectors(COLLECTORS, tree.host, ALL_FIELDS)

    assert "cpu" not in {collector.name for collector in made}
