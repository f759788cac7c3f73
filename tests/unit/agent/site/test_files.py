"""Files that other programs of a node leave for the agent."""

import os

import pytest
from pilothouse_agent.site.files import LIMIT_BYTES, MAX_FILES, Files

from tests.unit.agent.tree import Tree

HOUR = 3600.0


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def put(tree: Tree, path: str, text: str, *, age_seconds: float = 1) -> None:
    tree.write(path, text)
    then = tree.clock.wall - age_seconds
    os.utime(tree.root / path, (then, then))


def read(tree: Tree, path: str) -> tuple[dict[str, float], str]:
    values, problem = Files(tree.host, path, max_age_seconds=HOUR).values()
    return {value.name: value.value for value in values}, problem


def test_one_file_is_read(tree):
    put(tree, "run/raid.txt", "raid_ok 1\n")

    assert read(tree, "/run/raid.txt") == ({"raid_ok": 1}, "")


def test_files_of_a_directory_are_read_by_their_endings(tree):
    put(tree, "metrics/a.prom", "a 1\n")
    put(tree, "metrics/b.lines", "b value=2\n")
    put(tree, "metrics/c.prom.tmp", "c 3\n")

    assert read(tree, "/metrics") == ({"a": 1, "b": 2}, "")


@pytest.mark.parametrize(
    ("text", "age_seconds", "said"),
    [
        ("what?\n", 1, "b.prom: line 1: neither"),
        ("b 1\n", 7200, "b.prom: written 7200 s ago, at most 3600 s"),
        ("b 1\n" * (LIMIT_BYTES // 4 + 1), 1, f"b.prom: larger than {LIMIT_BYTES} bytes"),
    ],
)
def test_a_bad_file_is_told_and_the_others_are_read(tree, text, age_seconds, said):
    put(tree, "metrics/a.prom", "a 1\n")
    put(tree, "metrics/b.prom", text, age_seconds=age_seconds)
    put(tree, "metrics/c.prom", "c 3\n")

    values, problem = read(tree, "/metrics")

    assert values == {"a": 1, "c": 3}
    assert said in problem


def test_links_and_pipes_in_a_directory_are_refused(tree):
    put(tree, "secret", "secret 1\n")
    (tree.root / "metrics").mkdir()
    (tree.root / "metrics/a.prom").symlink_to(tree.root / "secret")
    os.mkfifo(tree.root / "metrics/b.prom")

    values, problem = read(tree, "/metrics")

    assert values == {}
    assert "a.prom: Too many levels of symbolic links" in problem
    assert read(tree, "/metrics/b.prom") == ({}, f"{tree.root}/metrics/b.prom: no regular file")


def test_too_many_files_are_not_read(tree):
    for number in range(MAX_FILES + 1):
        put(tree, f"metrics/{number}.prom", "a 1\n")

    assert read(tree, "/metrics")[1].endswith(
        f"{MAX_FILES + 1} files, at most {MAX_FILES} are read"
    )


def test_a_file_that_is_not_there_says_so(tree):
    assert read(tree, "/metrics/x") == ({}, f"{tree.root}/metrics/x: No such file or directory")
