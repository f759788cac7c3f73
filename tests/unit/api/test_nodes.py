"""Nodes through HTTP: state, newest values, running jobs, series."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pilothouse_api.nodes.newest import NewestValues
from pilothouse_common.contract.events import JobStarted, NodeReported
from pilothouse_common.store.records import Records
from pilothouse_common.store.samples.port import Last, SampleStore

from tests.support.api import Api, Gateway, SteppedClock, serving
from tests.support.process import eventually
from tests.support.samples import NOW, a_body, a_line, ramp

T0 = datetime.fromtimestamp(NOW, UTC)


def report(hostname: str, cluster: str = "alex", **more: Any) -> NodeReported:
    return NodeReported(
        cluster=cluster, hostname=hostname, interval_seconds=10, hwthreads=8, **more
    )


@pytest.fixture
def stepped(sqlite_records: Records, sample_store: SampleStore) -> Gateway:
    """Three nodes: up, stale, down."""
    made = Gateway(sqlite_records, sample_store, SteppedClock(T0))
    made.record(report("node01", cpu_model="EPYC"), report("node02"), report("node03"))
    made.record(
        JobStarted(cluster="alex", job_id=7, start_time=T0, user="alice", nodes=["node01"]),
        JobStarted(cluster="alex", job_id=8, start_time=T0, user="bob", nodes=["node01"]),
    )
    lines = (
        a_line(value=3, time=NOW - 30, hostname="node01"),
        a_line("cpu_user", value=50, time=NOW - 30, hostname="node01"),
        a_line(value=4, time=NOW - 31, hostname="node02"),
        a_line(value=5, time=NOW - 901, hostname="node03"),
    )
    made.samples.write([a_body(*lines)])
    return made


def test_a_nodes_state_follows_from_its_newest_sample(stepped: Gateway) -> None:
    with serving(stepped) as client:
        api = Api(client, stepped.token())

        found = api.items("/v1/nodes")
        by_state = {
            state: [n["hostname"] for n in api.items("/v1/nodes", state=state)]
            for state in ("up", "stale", "down")
        }

    assert [(n["hostname"], n["state"]) for n in found] == [
        ("node01", "up"),
        ("node02", "stale"),
        ("node03", "down"),
    ]
    assert by_state == {"up": ["node01"], "stale": ["node02"], "down": ["node03"]}
    assert found[0]["values"] == {"cpu_load": 3, "cpu_user": 50}
    assert found[0]["hardware"]["cpu_model"] == "EPYC"
    assert datetime.fromisoformat(found[0]["last_sample_time"]).timestamp() == NOW - 30
    assert found[2]["last_sample_time"] is None


def test_pages_by_state_miss_no_node(sqlite_records: Records, sample_store: SampleStore) -> None:
    gateway = Gateway(sqlite_records, sample_store, SteppedClock(T0))
    gateway.record(*(report(f"n{i:03}") for i in range(50)))
    fresh = (a_line(time=NOW, hostname=f"n{i:03}") for i in range(0, 50, 3))
    gateway.samples.write([a_body(*fresh)])
    seen: list[str] = []
    with serving(gateway) as client:
        api = Api(client, gateway.token())
        link: str | None = "/v1/nodes?state=up&limit=4"
        while link:
            page = api.get(link).json()
            assert len(page["items"]) <= 4
            seen += [node["hostname"] for node in page["items"]]
            link = page["next"]

    assert seen == [f"n{i:03}" for i in range(0, 50, 3)]


def test_a_node_shows_the_jobs_that_the_caller_may_see(stepped: Gateway) -> None:
    with serving(stepped) as client:
        operator = Api(client, stepped.token())
        alice = Api(client, stepped.token("alice", ["nodes:read", "jobs:read"]))
        blind = Api(client, stepped.token("root", ["nodes:read", "admin:all"]))

        assert operator.get("/v1/nodes/node01").json()["jobs"] == [7, 8]
        assert alice.get("/v1/nodes/node01").json()["jobs"] == [7]
        assert blind.get("/v1/nodes/node01").json()["jobs"] == []


def test_a_name_in_two_clusters_needs_its_cluster(gateway: Gateway, api: Api) -> None:
    gateway.record(report("node01", "alex"), report("node01", "beta"))

    assert api.get("/v1/nodes/node01").status_code == 409
    assert api.get("/v1/nodes/node01", cluster="beta").json()["cluster"] == "beta"
    assert api.get("/v1/nodes/node01", cluster="gamma").status_code == 404
    assert api.get("/v1/nodes/node02").status_code == 404


@pytest.mark.parametrize(
    ("restriction", "visible"),
    [
        ({"cluster": "alex"}, ["node01"]),
        ({"cluster": "beta"}, []),
        ({"user": "root"}, []),
        ({"job_id": 7}, []),
    ],
)
def test_a_restriction_hides_nodes(
    gateway: Gateway, client: TestClient, restriction: dict[str, Any], visible: list[str]
) -> None:
    gateway.record(report("node01"))
    narrow = Api(client, gateway.token(**restriction))

    assert [n["hostname"] for n in narrow.items("/v1/nodes")] == visible
    assert narrow.get("/v1/nodes/node01").status_code == (200 if visible else 404)
    assert narrow.get("/v1/nodes/node01/series").status_code == (200 if visible else 404)


def test_a_nodes_series_lie_on_a_round_grid(stepped: Gateway) -> None:
    stepped.samples.write([ramp("node01", range(1, 61), start=NOW - 600)])
    with serving(stepped) as client:
        api = Api(client, stepped.token())

        answer = api.get(
            "/v1/nodes/node01/series",
            metrics="cpu_load",
            start=str(NOW - 595),
            end="now",
            points=10,
        ).json()

    (series,) = answer["items"]
    assert answer["resolution_seconds"] == 60
    assert series["times"] == [NOW // 60 * 60 - 600 + 60 * i for i in range(len(series["times"]))]
    assert all(time % 60 == 0 for time in series["times"])


def test_parts_of_a_node_are_series_of_their_own(stepped: Gateway) -> None:
    lines = (a_line("cpu_user", i, NOW - 10, type="hwthread", type_id=str(i)) for i in range(3))
    stepped.samples.write([a_body(*lines)])
    with serving(stepped) as client:
        api = Api(client, stepped.token())

        answer = api.get("/v1/nodes/node01/series", metrics="cpu_user", type="hwthread").json()

    assert [(s["type"], s["type_id"], s["values"]) for s in answer["items"]] == [
        ("hwthread", str(i), [i]) for i in range(3)
    ]


class CountingStore:
    """A sample store that counts what it is asked, and answers slowly."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = threading.Event()

    def last(self, *_args: object, **_kwargs: object) -> list[Last]:
        self.asked += 1
        assert self.may_answer.wait(10)
        return [Last("node01", "cpu_load", "", "", NOW, 1.0)]


def test_many_viewers_ask_the_store_once() -> None:
    store: Any = CountingStore()
    newest = NewestValues(store, SteppedClock(T0))

    with ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(newest.of, "alex") for _ in range(8)]
        eventually(lambda: store.asked, within=5)
        store.may_answer.set()
        found = [answer.result(10)["node01"].values for answer in answers]

    assert found == [{"cpu_load": 1.0}] * 8
    assert store.asked == 1
