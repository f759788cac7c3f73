"""NFS: rates and latencies by mount, transports of every kind, odd names, remounts, client and server."""

import re

import pytest
from pilothouse_agent.collectors.nfs import NfsCollector
from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import CollectorUnavailable

from tests.unit.agent.tree import ALL_FIELDS, USUAL, Tree, lines, recorded, twice, values

STATS = "proc/self/mountstats"
RPC = "proc/net/rpc/nfs"


def mount(
    point: str = "/home", *, read: str = "0 0 0 0 0 0 0 0", bytes_read: int = 0, xprt: str = ""
) -> str:
    return (
        f"device srv:/x mounted on {point} with fstype nfs4 statvers=1.1\n"
        f"\tage:\t9\n\tevents:\t{'0 ' * 27}\n\tbytes:\t0 0 0 0 {bytes_read} 0 0 0 \n"
        "\tRPC iostats version: 1.1  p/v: 100003/4 (nfs)\n"
        f"\txprt:\t{xprt or 'tcp 800 1 1 0 0 10 10 0 10 0 2 0 0'}\n\tper-op statistics\n"
        f"\t        READ: {read}\n\t       WRITE: 0 0 0 0 0 0 0 0\n\n"
    )


def node(tmp_path, stats: str, mounts: str = "") -> Tree:
    return Tree(tmp_path, {STATS: stats, "proc/self/mountinfo": mounts})


def test_bandwidth_requests_and_latency_of_a_mount(tmp_path):
    tree = node(tmp_path, mount(read="10 10 0 0 0 0 0 0"))
    later = mount(read="60 65 2 0 0 100 500 700", bytes_read=1_000_000)

    got = twice(tree, NfsCollector(tree.host, USUAL), {STATS: later})

    assert (got["nfs_read_bw[/home]"], got["nfs_read_req[/home]"]) == (100_000, 5)
    assert (got["nfs_retransmits[/home]"], got["nfs_timeouts[/home]"]) == (0.5, 0.2)
    assert got["nfs_read_latency[/home]"] == pytest.approx(0.010)
    assert got["nfs_queue_time[/home]"] == pytest.approx(0.002)
    assert "nfs_write_latency[/home]" not in got
    assert (got["nfs_read_bw"], got["nfs_ops"]) == (100_000, 5)


def test_a_real_client_is_told_what_it_did(tmp_path):
    """Linux 6.1: on each mount eight files of 1 MiB were written, synced, and read past the cache."""
    tree = Tree(tmp_path).overlay("nfs-linux-6.1", "before")
    collector = NfsCollector(tree.host, Options(exclude_mounts=re.compile("(?!)")))
    list(collector.collect())
    tree.overlay("nfs-linux-6.1", "after").clock.advance(10)

    got = values(collector.collect())

    for point in ("/run/mnt", "/run/mnt3"):  # NFS 4.2 and 3
        assert got[f"nfs_read_bw[{point}]"] == got[f"nfs_write_bw[{point}]"] == 838860.8
        assert got[f"nfs_read_req[{point}]"] == got[f"nfs_write_req[{point}]"] == 25.6
        assert got[f"nfs_fsync[{point}]"] == pytest.approx(0.8)
        assert got[f"nfs_open[{point}]"] == pytest.approx(1.7)  # and one directory
        assert got[f"nfs_close[{point}]"] == pytest.approx(1.6)
    assert got["nfs_read_bw"] == 2 * 838860.8
    assert not any("odd name" in key or "bind" in key for key in got)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("tcp 800 1 1 0 0 100 0 4 0 50 2 0 0", "tcp 801 2 3 0 0 200 0 9 0 250 2 0 0"),
        ("tcp-tls 800 1 1 0 0 100 0 4 0 50 2 0 0", "tcp-tls 801 2 3 0 0 200 0 9 0 250 2 0 0"),
        ("rdma 0 1 1 0 0 100 0 4 0 50 1 1", "rdma 0 1 3 0 0 200 0 9 0 250 1 1"),
        ("local 1 1 0 0 100 0 4 0 50 2 0 0", "local 2 3 0 0 200 0 9 0 250 2 0 0"),
        ("udp 800 1 100 0 4 0 50 2 0 0", "udp 800 1 200 0 9 0 250 2 0 0"),
    ],
)
def test_every_kind_of_transport_is_read(tmp_path, before, after):
    tree = node(tmp_path, mount(xprt=before))

    got = twice(tree, NfsCollector(tree.host, USUAL), {STATS: mount(xprt=after)})

    assert got["nfs_connects[/home]"] == (0 if before.startswith("udp") else 0.2)
    assert (got["nfs_bad_xids[/home]"], got["nfs_backlog[/home]"]) == (0.5, 2)


def test_an_unknown_transport_is_left_out(tmp_path):
    tree = node(tmp_path, mount(xprt="quic 1 2 3"))

    got = twice(tree, NfsCollector(tree.host, USUAL), {})

    assert got["nfs_connects[/home]"] == 0


def test_a_bind_mount_is_not_told_again(tmp_path):
    mounts = "40 20 0:51 / /home rw - nfs4 srv:/x rw\n42 20 0:51 / /bind/home rw - nfs4 srv:/x rw\n"
    tree = node(tmp_path, mount() + mount("/bind/home"), mounts)
    later = mount(bytes_read=1000) + mount("/bind/home", bytes_read=1000)

    got = twice(tree, NfsCollector(tree.host, USUAL), {STATS: later})

    assert got["nfs_read_bw"] == got["nfs_read_bw[/home]"] == 100
    assert "nfs_read_bw[/bind/home]" not in got


def test_mount_points_can_be_excluded(tmp_path):
    tree = node(tmp_path, mount() + mount("/auto/x"))
    collector = NfsCollector(tree.host, Options(exclude_mounts=re.compile("/auto/.*")))

    assert {key.partition("[")[2] for key in twice(tree, collector, {})} == {"", "/home]"}


def test_a_remount_has_no_value_for_one_interval_and_a_new_mount_from_its_second(tmp_path):
    tree = node(tmp_path, mount(bytes_read=5_000_000, read="9 9 0 0 0 0 90 90"))
    collector = NfsCollector(tree.host, USUAL)
    list(collector.collect())
    tree.clock.advance(10)
    tree.write(STATS, mount(bytes_read=10, read="1 1 0 0 0 0 1 1") + mount("/work"))

    remounted = lines(collector.collect())
    later = twice(tree, collector, {})

    assert "nfs_read_bw" not in remounted
    assert "nfs_read_latency" not in remounted
    assert "nfs_read_bw[/work]" in later


def test_an_unmounted_file_system_is_gone(tmp_path):
    tree = node(tmp_path, mount())
    collector = NfsCollector(tree.host, USUAL)
    list(collector.collect())

    assert twice(tree, collector, {STATS: "device proc mounted on /proc with fstype proc\n"}) == {}


def test_hostile_mount_points_stay_one_tag(tmp_path):
    tree = node(tmp_path, mount("/a\\040b\\012c,d=ü"))
    collector = NfsCollector(tree.host, USUAL)
    list(collector.collect())
    tree.clock.advance(10)

    text = lines(collector.collect())

    assert r"stype-id=/a\ b_c\,d\=ü,type=node" in text
    assert all(line.count(" value=") == 1 for line in text.splitlines())


def test_every_kind_of_request_and_event_is_told_when_asked_for(tmp_path):
    tree = recorded(tmp_path, "nfs")
    collector = NfsCollector(tree.host, ALL_FIELDS)

    got = twice(tree, collector, {})

    assert {"nfs_op_lookup[/home]", "nfs_op_read_plus[/home]"} <= got.keys()
    assert "nfs_event_silly_rename[/home]" in got


def test_client_and_server_totals_are_told_without_a_mount(tmp_path):
    tree = node(tmp_path, "")
    tree.write(RPC, "net 0 0 0 0\nrpc 100 5 100\n")

    got = twice(tree, NfsCollector(tree.host, USUAL), {RPC: "net 0 0 0 0\nrpc 150 15 150\n"})

    assert (got["nfs_rpc_calls"], got["nfs_rpc_retransmits"]) == (5, 1)


def test_init_s_mounts_are_preferred(tmp_path):
    tree = node(tmp_path, "")
    tree.write("proc/1/mountstats", mount("/data"))

    assert "nfs_read_bw[/data]" in twice(tree, NfsCollector(tree.host, USUAL), {})


def test_an_automounter_may_mount_later(tmp_path):
    tree = node(tmp_path, "device auto.home mounted on /home with fstype autofs\n")

    assert values(NfsCollector(tree.host, USUAL).collect()) == {}


def test_a_node_without_nfs_has_no_such_collector(tmp_path):
    tree = node(tmp_path, "device proc mounted on /proc with fstype proc\n")

    with pytest.raises(CollectorUnavailable, match="no NFS"):
        NfsCollector(tree.host, USUAL)
