"""How full the mounted file systems are; a dead server is told and hangs nothing."""

import os
import re
import threading
from dataclasses import replace

import pytest
from pilothouse_agent.collectors.filesystem import FilesystemCollector
from pilothouse_agent.collectors.port import Options
from pilothouse_agent.mounts import parse_mounts

from tests.support.process import eventually
from tests.unit.agent.tree import GIBIBYTE, USUAL, Tree, known_statvfs, lines, values

MOUNTS = """20 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw
21 20 0:20 / /proc rw - proc proc rw
22 20 0:25 / /dev/shm rw - tmpfs tmpfs rw
23 20 0:26 / /run/user/1000 rw - tmpfs tmpfs rw
24 20 8:1 /srv /srv rw - ext4 /dev/sda1 rw
25 20 0:50 / /home rw - nfs4 server:/home rw,hard
"""


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path, {"proc/self/mountinfo": MOUNTS})


def points(got: dict[str, float]) -> list[str]:
    return [key[len("fs_up[") : -1] for key in got if key.startswith("fs_up")]


def test_real_file_systems_are_told_once(tree):
    collector = FilesystemCollector(tree.host, USUAL)

    got = values(collector.collect())
    collector.close()

    assert points(got) == ["/", "/dev/shm", "/home"]
    assert got["fs_total[/]"] == 1000 * GIBIBYTE
    assert got["fs_used[/]"] == 600 * GIBIBYTE
    assert got["fs_available[/]"] == 300 * GIBIBYTE
    assert (got["fs_files[/home]"], got["fs_files_free[/home]"]) == (50, 20)


def test_mount_points_can_be_excluded(tree):
    options = Options(exclude_mounts=re.compile("/home|/dev.*|/run.*"))
    collector = FilesystemCollector(tree.host, options)

    assert points(values(collector.collect())) == ["/"]


def test_a_dead_server_is_told_and_the_others_are_answered(tree):
    gate = threading.Event()

    def statvfs(path: str) -> os.statvfs_result:
        if path.endswith("/home"):
            gate.wait(60)
        return known_statvfs(path)

    host = replace(tree.host, statvfs=statvfs)
    collector = FilesystemCollector(host, Options(deadline_seconds=0.05))

    hung = values(collector.collect())
    gate.set()

    assert hung["fs_up[/home]"] == 0
    assert "fs_total[/home]" not in hung
    assert (hung["fs_up[/]"], hung["fs_up[/dev/shm]"]) == (1, 1)
    assert eventually(lambda: values(collector.collect())["fs_up[/home]"] == 1, within=10)
    collector.close()


def test_an_error_of_one_file_system_is_told(tree):
    def statvfs(path: str) -> os.statvfs_result:
        raise OSError(116, "Stale file handle")

    got = values(FilesystemCollector(replace(tree.host, statvfs=statvfs), USUAL).collect())

    assert set(got.values()) == {0}


def test_mounting_and_unmounting_are_seen(tree):
    collector = FilesystemCollector(tree.host, USUAL)
    list(collector.collect())

    tree.write("proc/self/mountinfo", MOUNTS.replace("/home rw", "/work rw"))

    assert "/work" in points(values(collector.collect()))
    collector.close()


def test_init_s_view_is_preferred(tree):
    tree.write("proc/1/mountinfo", "30 1 8:2 / /data rw - xfs /dev/sdb rw\n")

    assert points(values(FilesystemCollector(tree.host, USUAL).collect())) == ["/data"]


def test_hostile_mount_points_stay_one_tag_in_one_line(tree):
    tree.write(
        "proc/self/mountinfo",
        b"30 1 8:2 / /a\\012b\\040c\\134 rw - xfs /dev/sdb rw\n30 1 8:3 / /\xff,x=y rw - xfs /dev/sdc rw\n",
    )

    text = lines(FilesystemCollector(tree.host, USUAL).collect())

    assert r"stype-id=/a_b\ c_,type=node value=1 " in text
    assert r"stype-id=/_\,x\=y,type=node value=1 " in text


@pytest.mark.parametrize("line", [b"", b" - ", b"1 2 3", b"1 2 3 / /x rw - ", b"\xff\x00 - \xff"])
def test_lines_that_are_no_mounts_are_left_out(line):
    assert parse_mounts(line) == []
