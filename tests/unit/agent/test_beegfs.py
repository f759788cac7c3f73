"""BeeGFS clients: which mount is which, connections, targets that are away."""

import re

import pytest
from pilothouse_agent.collectors.beegfs import BeegfsCollector
from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import CollectorUnavailable

from tests.unit.agent.tree import ALL_FIELDS, USUAL, Tree, recorded, twice, values

ROOT = "proc/fs/beegfs"
MOUNT = "80 20 0:{n} / {point} rw - beegfs beegfs_nodev rw,cfgFile=/etc/{name}.conf\n"


def node(tmp_path, *clients: str, mounts: str = "") -> Tree:
    files = {
        f"{ROOT}/{name}/config": f"cfgFile = /etc/{name}.conf\nlogLevel = 3\n" for name in clients
    }
    return Tree(tmp_path, files | {"proc/self/mountinfo": mounts})


def told(tree: Tree, options: Options = USUAL) -> dict[str, float]:
    return values(BeegfsCollector(tree.host, options).collect())


def test_targets_that_are_away_or_bad_are_counted(tmp_path):
    tree = node(tmp_path, "a", mounts=MOUNT.format(n=1, point="/a", name="a"))
    tree.write(
        f"{ROOT}/a/storage_target_state",
        "[Target ID: 101] @ beegfs-storage s: 1 [ID: 1]: Online / Good \n"
        "[Target ID: 102] @ beegfs-storage s [ID: 1]: Probably-offline / Good \n"
        "[Target ID: 103] @ beegfs-storage s [ID: 1]: Offline / Bad \n",
    )
    tree.write(
        f"{ROOT}/a/meta_target_state", "[Target ID: 1] @ m [ID: 1]: Online / Needs-resync \n"
    )

    got = told(tree)

    assert got["beegfs_targets[/a]"] == 4
    assert (got["beegfs_targets_offline[/a]"], got["beegfs_targets_bad[/a]"]) == (2, 2)


def test_connections_of_every_way_are_counted(tmp_path):
    tree = node(tmp_path, "a", mounts=MOUNT.format(n=1, point="/a", name="a"))
    nodes = "s1 [ID: 1]\n   Connections: TCP: 2 (1.2.3.4:8003 [fallback route]); RDMA: 3 (1.2.3.4:8003); \n"
    tree.write(f"{ROOT}/a/storage_nodes", nodes + "TCP: 9 [ID: 2]\n   Connections: <none>\n")

    got = told(tree)

    assert (got["beegfs_storage_connections[/a]"], got["beegfs_rdma_connections[/a]"]) == (5, 3)


def test_each_client_is_told_by_the_mount_of_its_configuration(tmp_path):
    mounts = MOUNT.format(n=1, point="/b\\040c,ü", name="b") + MOUNT.format(
        n=2, point="/a", name="a"
    )

    got = told(node(tmp_path, "a", "b", "c", mounts=mounts))

    assert {key.partition("[")[2] for key in got} == {"/a]", "/b c,ü]", "c]"}


def test_two_mounts_of_one_configuration_keep_their_clients_names(tmp_path):
    mounts = MOUNT.format(n=1, point="/x", name="a") + MOUNT.format(n=2, point="/y", name="a")

    assert "beegfs_targets[a]" in told(node(tmp_path, "a", mounts=mounts))


def test_mount_points_can_be_excluded(tmp_path):
    tree = node(tmp_path, "a", "b", mounts=MOUNT.format(n=1, point="/a", name="a"))

    got = told(tree, Options(exclude_mounts=re.compile("/a")))

    assert {key.partition("[")[2] for key in got} == {"b]"}


def test_a_client_built_for_debugging_tells_its_requests(tmp_path):
    tree = node(tmp_path, "a")
    status = "numDelayedClose: 1\nnumRPCs: {}\nnumRemoteReads: {}\n"
    tree.write(f"{ROOT}/a/.status", status.format(0, 0))

    got = twice(
        tree, BeegfsCollector(tree.host, USUAL), {f"{ROOT}/a/.status": status.format(100, 20)}
    )

    assert (got["beegfs_ops[a]"], got["beegfs_read_req[a]"]) == (10, 2)
    assert "beegfs_status_delayedclose[a]" not in got


def test_buffers_and_queues_are_told_when_asked_for(tmp_path):
    got = told(recorded(tmp_path, "beegfs"), ALL_FIELDS)

    assert got["beegfs_status_availablemsgbufs[/beegfs data]"] == 65


def test_mounting_and_unmounting_are_seen(tmp_path):
    tree = node(tmp_path, "a")
    collector = BeegfsCollector(tree.host, USUAL)
    tree.write(f"{ROOT}/b/config", "cfgFile = /etc/b.conf\n")

    both = values(collector.collect())
    tree.remove(f"{ROOT}/a")
    one = values(collector.collect())

    assert {"beegfs_targets[a]", "beegfs_targets[b]"} <= both.keys()
    assert {key.partition("[")[2] for key in one} == {"b]"}


def test_a_node_without_a_mount_has_no_such_collector(tmp_path):
    with pytest.raises(CollectorUnavailable, match="no mounted BeeGFS"):
        BeegfsCollector(Tree(tmp_path).host, USUAL)
