"""Values: of one node and of several, newest, mean, rate and counter."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from pilothouse_api.compat.jumonc import gpu, network
from pilothouse_api.compat.jumonc.catalogue import LAYERS
from pilothouse_common.contract.events import JobStarted, NodeReported
from pilothouse_common.contract.metrics.table import find_metric

from tests.support.api import SteppedClock
from tests.support.jumonc import CLUSTER, OldClient, an_old_client, measure, report
from tests.support.samples import a_body, a_line

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECOND = int(START.timestamp())


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock(START)


@pytest.fixture
def old(sqlite_records, sample_store, clock) -> Iterator[OldClient]:
    with an_old_client(sqlite_records, sample_store, clock=clock) as made:
        report(made.gateway, "n1", "n2")
        yield made


def later(old: OldClient, clock: SteppedClock, values: dict[str, float], hosts=("n1", "n2")):
    """Let ten seconds pass and every node send its samples."""
    clock.step(10)
    measure(old.gateway.samples, hosts, [int(clock.now().timestamp())], values)


def test_one_node_gives_a_value_and_several_a_list_inside_a_text(old, clock):
    later(old, clock, {"cpu_load": 1.5, "mem_used": 22_108_000_256})

    assert old.json("/v1/cpu/status/load") == [{"CPU load": "[1.5, 1.5]"}]
    assert old.json("/v1/cpu/status/load", node="n2") == [{"CPU load": 1.5}]
    assert old.json("/v1/cpu/status/load", node="1") == [{"CPU load": 1.5}]
    assert old.json("/v1/main_memory/status/used", node="n1") == [{"used[GiB]": "20.59"}]
    assert old.json("/v1/main_memory/status/used", node="n1", humanReadable="no") == [
        {"used[B]": "22108000256"}
    ]
    assert old.json("/v1/main_memory/status/used") == [{"used[B]": "[22108000256, 22108000256]"}]
    assert old.json("/v1/job/config/Nodename") == [{"node name": "['n1', 'n2']"}]
    assert old.json("/v1/cpu/config/model", node="n1") == [{"CPU model": "EPYC"}]


def test_utilization_is_what_is_neither_idle_nor_waiting(old, clock):
    later(old, clock, {"cpu_idle": 70, "cpu_iowait": 5.5})

    assert old.json("/v1/cpu/status/percent", node="n1") == [{"CPU utilization": 24.5}]


def test_counters_begin_at_zero_and_add_rates_up(old, clock):
    measure(old.gateway.samples, ["n1", "n2"], [SECOND - 10, SECOND], {"disk_read_bw": 99})

    assert old.json("/v1/io/status/read_bytes", node="n1") == [{"read[B]": "0"}]

    later(old, clock, {"disk_read_bw": 3, "disk_busy": 50, "eth_read_bw": 2048, "eth_write_bw": 0})
    later(old, clock, {"disk_read_bw": 5, "disk_busy": 0, "eth_read_bw": 0, "eth_write_bw": 7})

    assert old.json("/v1/io/status/read_bytes", node="n1") == [{"read[B]": "80"}]
    assert old.json("/v1/io/status/busy_time", node="n1") == [{"busy[ms]": "5000"}]
    assert old.json("/v1/network/status/bytes", node="n1", interface="ib0") == [
        [{"interface": "ib0", "received": {"KiBytes": "20.00"}, "transmitted": {"Bytes": "70"}}],
        200,
    ]
    assert old.json("/v1/network/status/BYTES", interface="total") == [
        [
            {
                "interface": "total",
                "received": {"Bytes": [40960, 40960]},
                "transmitted": {"Bytes": [140, 140]},
            }
        ],
        200,
    ]


def test_a_counter_does_not_grow_by_being_asked(old, clock):
    measure(old.gateway.samples, ["n1", "n2"], [SECOND])
    for _ in range(3):
        later(old, clock, {"disk_write_ops": 2})
        old.json("/v1/io/status/write_count", node="n1")
    clock.step(2)

    assert old.json("/v1/io/status/write_count", node="n1") == [{"write count[]": "60"}]
    assert old.json("/v1/io/status/write_count", node="n2") == [{"write count[]": "60"}]


def test_all_types_of_all_interfaces(old, clock):
    later(old, clock, {})

    (data, status) = old.json("/v1/network/status/all", node="n1", humanReadable=0)

    assert status == 200
    assert [item["interface"] for item in data] == ["eth0", "ib0"]
    assert set(data[0]["received"]) == set(data[0]["transmitted"]) == set(network.TYPES)
    assert old.json("/v1/network/status/Bytes", node="n1", interface="nope")[0] == [
        {k: v if isinstance(v, str) else {"Bytes": "0"} for k, v in item.items()} for item in data
    ]


def test_a_duration_gives_means_of_gauges_and_rates_of_counters(old, clock):
    for value in (10, 20, 30):
        later(old, clock, {"mem_free": value, "disk_write_bw": value, "eth_read_bw": value})

    ask = {"node": "n1", "humanReadable": "false"}
    assert old.json("/v1/main_memory/status/free", duration=30, **ask) == [{"free[B]": "20.0"}]
    assert old.json("/v1/io/status/write_bytes", duration=20, **ask) == [{"write[B/s]": "25.0"}]
    assert old.json("/v1/network/status/Bytes", duration=0.05, interface="eth0", **ask)[0][0][
        "received"
    ] == {"Bytes/s": 30.0}
    assert old.json("/v1/main_memory/status/free", duration=0, **ask) == [{"free[B]": "30"}]
    assert old.get("/v1/io/status/write_bytes", duration=1e9).status_code == 400


def test_a_silent_node_keeps_its_place_and_never_blocks_an_answer(old, clock):
    later(old, clock, {"cpu_load": 2})
    for _ in range(4):
        later(old, clock, {"cpu_load": 3, "acc_power": 300}, hosts=["n2"])

    assert old.json("/v1/cpu/status/load") == [{"CPU load": "[None, 3.0]"}]
    assert old.json("/v1/network/status/Errs", interface="eth0")[0][0]["received"] == {
        "Errs": [None, 40]
    }
    assert old.get("/v1/cpu/status/load", node="n1").status_code == 404


def test_devices_are_as_pynvml_told_them(old, clock):
    later(old, clock, {"acc_utilization": 97, "acc_mem_used": 2**30})

    assert old.json("/v1/gpu/status/utilization.gpu", node="n1") == {
        "gpu": [{"utilization": {"gpu_util": 97.0, "unit": "%"}}] * 2
    }
    assert (
        old.json("/v1/gpu/status/memory.used")
        == [{"gpu": [{"fb_memory_usage": {"used": 1024.0, "unit": "MiB"}}] * 2}] * 2
    )


def test_the_index_shows_gpus_and_hardware_counters_where_they_are_measured(old, clock):
    for path in ("/v1/gpu/status", "/v1/gpu/config"):
        assert old.json(path) == []
    assert "/jumonc/v1/cpu/status/ipc" not in [x["link"] for x in old.json("/v1/cpu/status")]
    assert old.get("/v1/gpu/status/power.draw").status_code == 404

    clock.step(20)
    later(old, clock, {})

    names = [x["link"].rpartition("/")[2] for x in old.json("/v1/gpu/status")]
    assert names == sorted(gpu.STATUS)
    assert "/jumonc/v1/cpu/status/ipc" in [x["link"] for x in old.json("/v1/cpu/status")]


def test_every_link_of_the_whole_tree_answers(old, clock):
    later(old, clock, {})
    not_plain = ("/stop", "/logout", "/cache/id", "/cancel", "/result", "/schedule")

    for link in old.json("/all_links"):
        assert set(link) == {"link", "isOptional", "description", "parameters"}
        if not link["link"].endswith(not_plain):
            path = link["link"].removeprefix("/jumonc")
            assert old.get(path).status_code == 200, path


def test_a_token_for_a_job_sees_the_nodes_of_that_job(old, clock):
    later(old, clock, {"cpu_load": 2})
    old.gateway.record(
        JobStarted(cluster=CLUSTER, job_id=7, start_time=START, user="alice", nodes=["n2"])
    )

    def ask(subject: str, job_id: int):
        token = old.gateway.token(
            subject,
            ("links:read", "nodes:read", "jobs:read", "live:read", "stats:read"),
            job_id=job_id,
        )
        return old.get("/v1/job/config/Nodename", None, token=token)

    assert ask("alice", 7).json() == [{"node name": "n2"}]
    assert ask("bob", 7).status_code == 404
    assert ask("alice", 8).status_code == 404


def test_hostnames_of_two_clusters_are_not_mixed(old, clock):
    later(old, clock, {"cpu_load": 2})
    old.gateway.record(NodeReported(cluster="beta", hostname="n1", interval_seconds=10))
    clock.step(3)
    second = int(clock.now().timestamp())
    old.gateway.samples.write(
        [a_body(a_line("cpu_load", 9, second, cluster="beta", hostname="n1"))]
    )

    assert old.json("/v1/cpu/status/load") == [{"CPU load": "[2.0, 2.0, 9.0]"}]


def test_every_metric_of_ours_is_in_the_catalogue():
    queries = (gpu.STATUS | gpu.CONFIG).values()
    leaves = [leaf for layer in LAYERS for leaf in layer.leaves if leaf.kind != "fact"]
    ours = {query.metric for query in queries} | {query.less for query in queries if query.less}
    ours |= {metric for leaf in leaves for metric in leaf.metrics}
    ours |= {metric for ways in network.TYPES.values() for metric in ways}

    assert [name for name in sorted(ours) if find_metric(name) is None] == []


def test_each_metric_has_one_place():
    paths = [f"{layer.path}/{leaf.name}" for layer in LAYERS for leaf in layer.leaves]

    assert len(set(paths)) == len(paths)
