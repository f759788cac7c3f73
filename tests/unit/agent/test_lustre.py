"""Lustre: by mount point, lines that appear with their first use, remounts, debugfs without root."""

import math
import re

import pytest
from pilothouse_agent.collectors.lustre import LustreCollector
from pilothouse_agent.collectors.port import Options, Partly
from pilothouse_agent.host import CollectorUnavailable

from tests.unit.agent.tree import ALL_FIELDS, USUAL, Tree, twice, values

DEBUG = "sys/kernel/debug/lustre/llite"
MOUNTS = "60 20 0:61 / {} rw - lustre mgs@tcp:/scratch/sub rw\n"


def stats(*rows: str) -> str:
    return "snapshot_time             1.5 secs.nsecs\n" + "".join(f"{row}\n" for row in rows)


def node(tmp_path, *rows: str, name: str = "scratch-ffff01", root: str = DEBUG) -> Tree:
    mounts = {"proc/self/mountinfo": MOUNTS.format("/scratch")}
    return Tree(
        tmp_path, {f"{root}/{name}/stats": stats(*rows), "sys/fs/lustre/version": "2.15"} | mounts
    )


def written(count: int, total: int) -> str:
    return f"write_bytes               {count} samples [bytes] 1 2 {total} 99"


@pytest.mark.parametrize("root", [DEBUG, "proc/fs/lustre/llite"])
def test_bandwidth_and_requests_are_told_by_mount_point(tmp_path, root):
    tree = node(tmp_path, written(1, 100), root=root)
    later = {f"{root}/scratch-ffff01/stats": stats(written(6, 1100))}

    got = twice(tree, LustreCollector(tree.host, USUAL), later)

    assert (got["lustre_write_bw[/scratch]"], got["lustre_write_req[/scratch]"]) == (100, 0.5)
    assert (got["lustre_write_bw"], got["lustre_read_bw"]) == (100, 0)


@pytest.mark.parametrize("options", [USUAL, ALL_FIELDS])
def test_a_line_that_appears_is_counted_from_zero_and_the_others_go_on(tmp_path, options):
    tree = node(tmp_path, written(1, 100), "mkdir 5 samples [reqs]")
    later = stats(written(2, 200), "mkdir 15 samples [reqs]", "open 10 samples [usecs] 1 2 3 4",
                  "rmdir 20 samples [reqs]")  # fmt: skip

    got = twice(tree, LustreCollector(tree.host, options), {f"{DEBUG}/scratch-ffff01/stats": later})

    assert (got["lustre_open[/scratch]"], got["lustre_write_bw[/scratch]"]) == (1, 10)
    told = [got.get(f"lustre_{name}[/scratch]") for name in ("mkdir", "rmdir")]
    assert told == ([1, 2] if options.all_fields else [None, None])


def test_cleared_statistics_have_no_value_for_one_interval(tmp_path):
    tree = node(tmp_path, written(50, 5000))
    collector = LustreCollector(tree.host, USUAL)

    cleared = twice(tree, collector, {f"{DEBUG}/scratch-ffff01/stats": stats()})
    later = twice(tree, collector, {f"{DEBUG}/scratch-ffff01/stats": stats(written(1, 100))})

    assert math.isnan(cleared["lustre_write_bw[/scratch]"])
    assert later["lustre_write_bw[/scratch]"] == 10


def test_a_remount_is_a_new_client_with_the_same_name_for_people(tmp_path):
    tree = node(tmp_path, written(50, 5000))
    collector = LustreCollector(tree.host, USUAL)
    list(collector.collect())
    tree.remove(f"{DEBUG}/scratch-ffff01")
    tree.write(f"{DEBUG}/scratch-ffff02/stats", stats(written(1, 7)))

    first = values(collector.collect())
    later = twice(tree, collector, {f"{DEBUG}/scratch-ffff02/stats": stats(written(2, 107))})

    assert first == {}
    assert later["lustre_write_bw[/scratch]"] == 10


def test_two_clients_of_one_file_system_keep_their_own_names(tmp_path):
    tree = node(tmp_path, written(1, 1))
    tree.write(f"{DEBUG}/scratch-ffff02/stats", stats(written(1, 1)))

    got = twice(tree, LustreCollector(tree.host, USUAL), {})

    assert {"lustre_open[scratch-ffff01]", "lustre_open[scratch-ffff02]"} <= got.keys()
    assert "lustre_open[/scratch]" not in got


def test_without_a_visible_mount_the_file_system_s_name_is_told(tmp_path):
    tree = node(tmp_path, written(1, 1))
    tree.write("proc/self/mountinfo", "")

    assert "lustre_open[scratch]" in twice(tree, LustreCollector(tree.host, USUAL), {})


def test_odd_mount_points_are_told_as_they_are_and_can_be_excluded(tmp_path):
    tree = node(tmp_path, written(1, 1))
    tree.write("proc/self/mountinfo", MOUNTS.format("/a\\040b,ü"))
    without = LustreCollector(tree.host, Options(exclude_mounts=re.compile("/a.*")))

    assert "lustre_open[/a b,ü]" in twice(tree, LustreCollector(tree.host, USUAL), {})
    assert twice(tree, without, {}) == {}


def test_a_client_that_cannot_be_read_is_an_error_and_the_others_are_told(tmp_path):
    tree = node(tmp_path, written(1, 1))
    tree.write(f"{DEBUG}/work-ffff02/stats", stats(written(1, 1)))
    collector = LustreCollector(tree.host, USUAL)
    list(collector.collect())
    collector.close()
    tree.remove(f"{DEBUG}/scratch-ffff01/stats")
    tree.clock.advance(10)

    with pytest.raises(Partly, match="scratch-ffff01: ") as told:
        collector.collect()

    assert "lustre_open[work]" in values(told.value.samples)


def test_the_mean_time_of_a_read_is_told(tmp_path):
    tree = node(tmp_path, "read 10 samples [usecs] 1 2 300 9")
    later = stats("read 20 samples [usecs] 1 2 20300 9")

    got = twice(tree, LustreCollector(tree.host, USUAL), {f"{DEBUG}/scratch-ffff01/stats": later})

    assert got["lustre_read_latency[/scratch]"] == pytest.approx(0.002)


def test_statistics_that_only_root_may_read_are_named(tmp_path):
    tree = Tree(
        tmp_path, {"sys/fs/lustre/llite/scratch-ffff01/fstype": "lustre", "proc/self/mountinfo": ""}
    )

    with pytest.raises(CollectorUnavailable, match="only root"):
        LustreCollector(tree.host, USUAL)


def test_a_node_without_lustre_has_no_such_collector(tmp_path):
    with pytest.raises(CollectorUnavailable, match="not loaded"):
        LustreCollector(Tree(tmp_path, {"proc/self/mountinfo": ""}).host, USUAL)
