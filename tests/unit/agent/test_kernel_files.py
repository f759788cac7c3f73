"""Paging, pressure, sockets, protocols, uptime and the agent's own cost: known files, known numbers."""

import os

import pytest
from pilothouse_agent.collectors.agent import AgentCollector
from pilothouse_agent.collectors.netstat import NetstatCollector
from pilothouse_agent.collectors.paging import PAGE_BYTES, PagingCollector
from pilothouse_agent.collectors.pressure import PressureCollector
from pilothouse_agent.collectors.sockets import SocketsCollector
from pilothouse_agent.collectors.uptime import UptimeCollector
from pilothouse_agent.host import CollectorUnavailable, Host

from tests.unit.agent.tree import ALL_FIELDS, USUAL, Tree, twice, values

PSI = (
    "some avg10={a} avg60=2.00 avg300=3.00 total={t}\nfull avg10=0.50 avg60=0 avg300=0 total={t}\n"
)


def test_paging_is_told_in_bytes_and_faults(tmp_path):
    tree = Tree(tmp_path, {"proc/vmstat": "nr_free_pages 7\npgpgin 0\npswpin 0\npgfault 100\n"})
    later = "nr_free_pages 9\npgpgin 50\npswpin 20\npgfault 300\n"

    got = twice(tree, PagingCollector(tree.host, USUAL), {"proc/vmstat": later})

    assert got == {"page_in_bw": 5120, "swap_in_bw": 2 * PAGE_BYTES, "page_faults": 20}


def test_all_of_vmstat_tells_levels_from_counters(tmp_path):
    tree = Tree(tmp_path, {"proc/vmstat": "nr_free_pages 7\nnr_dirtied 0\nthp_split_pmd 0\n"})
    later = "nr_free_pages 9\nnr_dirtied 100\nthp_split_pmd 20\n"

    got = twice(tree, PagingCollector(tree.host, ALL_FIELDS), {"proc/vmstat": later})

    assert got == {"vmstat_nr_free_pages": 9, "vmstat_nr_dirtied": 10, "vmstat_thp_split_pmd": 2}


def test_a_kernel_that_changes_its_fields_starts_anew(tmp_path):
    tree = Tree(tmp_path, {"proc/vmstat": "pgfault 100\n"})

    got = twice(tree, PagingCollector(tree.host, USUAL), {"proc/vmstat": "new 1\npgfault 200\n"})

    assert got == {}


def test_pressure_is_the_part_of_the_interval(tmp_path):
    tree = Tree(tmp_path, {"proc/pressure/io": PSI.format(a="1.25", t=0)})

    got = twice(
        tree,
        PressureCollector(tree.host, USUAL),
        {"proc/pressure/io": PSI.format(a="1.25", t=2_500_000)},
    )

    assert got["pressure_io_some"] == pytest.approx(25)
    assert got["pressure_io_full_avg10"] == 0.5
    assert got["pressure_io_some_avg10"] == 1.25


def test_a_node_is_never_wholly_without_cpu(tmp_path):
    tree = Tree(tmp_path, {"proc/pressure/cpu": PSI.format(a="1", t=0)})

    got = values(PressureCollector(tree.host, USUAL).collect())

    assert got == {"pressure_cpu_some_avg10": 1}


def test_a_kernel_without_pressure_has_no_such_collector(tmp_path):
    with pytest.raises(CollectorUnavailable, match="psi=0"):
        PressureCollector(Tree(tmp_path).host, USUAL)


def test_sockets_are_counted_and_their_memory_is_in_bytes(tmp_path):
    tree = Tree(
        tmp_path,
        {
            "proc/net/sockstat": "sockets: used 21\nTCP: inuse 4 tw 2 mem 3\nFRAG: memory 9\n",
            "proc/net/sockstat6": "TCP6: inuse 6\nRAW6: inuse 1\n",
        },
    )

    usual = values(SocketsCollector(tree.host, USUAL).collect())
    everything = values(SocketsCollector(tree.host, ALL_FIELDS).collect())

    assert usual["sockets_used"] == 21
    assert usual["sockets_tcp_mem"] == 3 * PAGE_BYTES
    assert usual["sockets_tcp6_inuse"] == 6
    assert "sockets_raw6_inuse" not in usual
    assert (everything["sockets_raw6_inuse"], everything["sockets_frag_memory"]) == (1, 9)


def test_protocol_counters_become_rates(tmp_path):
    snmp = "Tcp: RtoMin CurrEstab RetransSegs\nTcp: 200 {} {}\nUdp: InErrors\nUdp: {}\n"
    tree = Tree(
        tmp_path,
        {
            "proc/net/snmp": snmp.format(5, 100, 7),
            "proc/net/netstat": "TcpExt: ListenDrops Odd\nTcpExt: 0 0\n",
            "proc/net/snmp6": "Ip6InReceives 10\n",
        },
    )
    change = {
        "proc/net/snmp": snmp.format(8, 150, 17),
        "proc/net/netstat": "TcpExt: ListenDrops Odd\nTcpExt: 20 30\n",
        "proc/net/snmp6": "Ip6InReceives 110\n",
    }

    got = twice(tree, NetstatCollector(tree.host, ALL_FIELDS), change)

    assert got["tcp_established"] == 8
    assert (got["tcp_retransmits"], got["udp_in_errors"], got["tcp_listen_drops"]) == (5, 1, 2)
    assert (got["netstat_tcp_rtomin"], got["netstat_tcpext_odd"]) == (200, 3)
    assert got["netstat_ip6inreceives"] == 10


def test_the_uptime_is_told(tmp_path):
    tree = Tree(tmp_path, {"proc/uptime": "12345.67 999.00\n"})

    assert values(UptimeCollector(tree.host, USUAL).collect()) == {"uptime": 12345.67}


def test_the_agent_tells_its_own_cost(tmp_path):
    tree = Tree(tmp_path, {"proc/self/statm": "9000 6000 1500 1 0 1 0\n"})

    got = twice(tree, AgentCollector(tree.host, USUAL), {})

    assert got == {"agent_cpu": pytest.approx(0.1), "agent_rss": 6000 * PAGE_BYTES}


def test_this_kernel_s_version_is_read():
    assert Host().read("proc/sys/kernel/osrelease") == os.uname().release
