"""Jobs through HTTP: lists, one job, its series and statistics, and who may see which."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pilothouse_common.contract.events import JobFinished, JobStarted, JobSubmitted

from tests.support.api import Api, Gateway
from tests.support.samples import NOW, a_body, a_line, ramp

T0 = datetime.fromtimestamp(NOW, UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def started(job_id: int, user: str = "alice", **more: Any) -> JobStarted:
    facts: dict[str, Any] = {"start_time": at(0), "nodes": ["node01"], "account": "chem", **more}
    return JobStarted(cluster=facts.pop("cluster", "alex"), job_id=job_id, user=user, **facts)


def finished(job_id: int, end: float, **more: Any) -> JobFinished:
    return JobFinished(cluster="alex", job_id=job_id, end_time=at(end), exit_code=0, **more)


@pytest.fixture
def many(gateway: Gateway) -> Gateway:
    gateway.record(*(started(n, start_time=at(n), name=f"relax-{n}") for n in range(1, 26)))
    gateway.record(
        started(101, "bob", account="bio", partition="gpu", nodes=["node02"]),
        finished(25, 100),
        JobSubmitted(cluster="alex", job_id=102, submit_time=at(0), user="bob"),
    )
    return gateway


def test_pages_follow_each_other_without_gap_or_double(many: Gateway, api: Api) -> None:
    seen: list[int] = []
    link: str | None = "/v1/jobs?limit=10&user=alice&sort=job_id"
    while link:
        page = api.get(link).json()
        seen += [job["job_id"] for job in page["items"]]
        link = page["next"]

    assert seen == list(range(1, 26))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"user": "bob", "state": "RUNNING"}, [101]),
        ({"user": ["bob", "alice"], "state": "COMPLETED"}, [25]),
        ({"account": "bio"}, [101]),
        ({"partition": "gpu"}, [101]),
        ({"state": "PENDING"}, [102]),
        ({"node": "node02"}, [101]),
        ({"name": "relax-7"}, [7]),
        ({"name": "relax-2*", "sort": "job_id"}, [2, *range(20, 26)]),
        ({"cluster": "beta"}, []),
        ({"end": str(NOW + 2), "sort": "job_id", "user": "alice"}, [1]),
        ({"state": "COMPLETED", "start": at(99).isoformat()}, [25]),
        ({"state": "COMPLETED", "start": at(101).isoformat()}, []),
    ],
)
def test_every_filter_is_applied(
    many: Gateway, api: Api, asked: dict[str, Any], expected: list[int]
) -> None:
    found = api.items("/v1/jobs", **asked)

    assert [job["job_id"] for job in found] == expected


@pytest.mark.parametrize(
    ("sort", "first"),
    [("-start_time", 25), ("start_time", 101), ("-job_id", 102), ("job_id", 1), ("end_time", 25)],
)
def test_every_order_is_kept(many: Gateway, api: Api, sort: str, first: int) -> None:
    states = {} if "job_id" in sort else {"state": ["RUNNING", "COMPLETED"]}

    assert api.items("/v1/jobs", sort=sort, limit=1, **states)[0]["job_id"] == first


def test_users_see_their_own_jobs_only(many: Gateway, client: TestClient) -> None:
    bob = Api(client, many.token("bob", ["jobs:read", "stats:read", "nodes:read"]))

    assert {job["job_id"] for job in bob.items("/v1/jobs")} == {101, 102}
    assert bob.items("/v1/jobs", user="alice") == []
    for path in ("/v1/jobs/1", "/v1/jobs/1/series", "/v1/jobs/1/statistics"):
        assert bob.get(path).status_code == 404
    assert bob.get("/v1/jobs/101").status_code == 200
    (cluster,) = bob.items("/v1/clusters")
    assert (cluster["jobs_running"], cluster["jobs_pending"]) == (1, 1)


@pytest.mark.parametrize(
    ("restriction", "visible"),
    [
        ({"job_id": 101}, [101]),
        ({"user": "bob"}, [101, 102]),
        ({"account": "bio"}, [101]),
        ({"cluster": "beta"}, []),
        ({"run_id": "r1"}, []),
        ({"user": "bob", "job_id": 1}, []),
    ],
)
def test_a_restriction_narrows_even_an_operator(
    many: Gateway, client: TestClient, restriction: dict[str, Any], visible: list[int]
) -> None:
    operator = Api(client, many.token("root", ["jobs:read", "admin:all"], **restriction))

    found = sorted(job["job_id"] for job in operator.items("/v1/jobs"))

    assert found == visible
    assert operator.get("/v1/jobs/2").status_code == 404


def test_one_job_tells_its_nodes_and_its_history(gateway: Gateway, api: Api) -> None:
    gateway.record(
        JobSubmitted(cluster="alex", job_id=7, submit_time=at(-60), user="alice"),
        started(
            7, submit_time=at(-60), array_job_id=5, array_task_id=2, nodes=["node01", "node02"]
        ),
        finished(7, 90, submit_time=at(-60)),
    )

    job = api.get("/v1/jobs/7").json()

    assert (job["state"], job["exit_code"], job["elapsed_seconds"]) == ("COMPLETED", 0, 90)
    assert [a["hostname"] for a in job["allocations"]] == ["node01", "node02"]
    assert [e["type"] for e in job["history"]] == ["job.submitted", "job.started", "job.finished"]
    assert api.get("/v1/jobs/5_2").json()["job_id"] == 7
    assert api.get("/v1/jobs/7", submit_time=at(-60).isoformat()).status_code == 200
    assert api.get("/v1/jobs/7", submit_time=at(-61).isoformat()).status_code == 404


def test_a_jobs_series_are_of_its_nodes_and_its_time(gateway: Gateway, api: Api) -> None:
    gateway.record(started(7, nodes=["node01", "node02"]), finished(7, 60))
    gateway.samples.write(
        [
            ramp("node01", [100, *range(1, 7), 100], start=NOW - 10),
            ramp("node02", [200, *range(11, 17), 200], start=NOW - 10),
            ramp("node03", [300] * 8, start=NOW - 10),
        ]
    )

    per_node = api.get("/v1/jobs/7/series", metrics="cpu_load", resolution_seconds=10).json()
    over = api.get(
        "/v1/jobs/7/series", metrics="cpu_load", resolution_seconds=20, over_nodes="sum"
    ).json()
    one = api.get("/v1/jobs/7/series", metrics="cpu_load", hostname="node02", points=2).json()

    assert [(s["hostname"], s["values"]) for s in per_node["items"]] == [
        ("node01", [1, 2, 3, 4, 5, 6]),
        ("node02", [11, 12, 13, 14, 15, 16]),
    ]
    assert per_node["items"][0]["times"] == [NOW + 10 * i for i in range(6)]
    assert [(s["hostname"], s["values"]) for s in over["items"]] == [(None, [13, 17, 21])]
    assert [s["hostname"] for s in one["items"]] == ["node02"]
    assert one["resolution_seconds"] == 30
    assert api.get("/v1/jobs/7/series", hostname="node03").status_code == 404


def test_a_requeued_jobs_series_follow_it_to_its_other_node(gateway: Gateway, api: Api) -> None:
    gateway.record(
        started(7, nodes=["node01"]),
        finished(7, 30, state="PREEMPTED", restart_count=1),
        started(7, nodes=["node02"], start_time=at(60), restart_count=1),
        finished(7, 90, restart_count=1),
    )
    gateway.samples.write([ramp("node01", range(10)), ramp("node02", range(10, 20))])

    answer = api.get("/v1/jobs/7/series", metrics="cpu_load", resolution_seconds=10).json()
    (statistics,) = api.items("/v1/jobs/7/statistics", metrics="cpu_load")

    assert {s["hostname"]: s["values"] for s in answer["items"]} == {
        "node01": [0, 1, 2],
        "node02": [16, 17, 18],
    }
    assert (statistics["min"], statistics["max"], statistics["count"]) == (0, 18, 6)
    assert statistics["avg"] == 9
    assert [(n["hostname"], n["avg"]) for n in statistics["nodes"]] == [
        ("node01", 1),
        ("node02", 17),
    ]


def test_without_metrics_the_series_are_those_that_have_samples(gateway: Gateway, api: Api) -> None:
    gateway.record(started(7), finished(7, 60))
    own = a_body(a_line("my_own", 3, NOW, hostname="node01"))
    gateway.samples.write([ramp("node01", range(6)), own])

    known = api.get("/v1/jobs/7/series").json()

    assert {s["metric"] for s in known["items"]} == {"cpu_load"}
    assert api.get("/v1/jobs/7/series", metrics="my_own").json()["items"][0]["unit"] == ""
    assert api.get("/v1/jobs/7/series", metrics="cpu_burden").status_code == 422


def test_a_nodes_total_is_not_added_to_its_devices(gateway: Gateway, api: Api) -> None:
    gateway.record(started(7), finished(7, 60))
    devices = [ramp("node01", [v] * 6, stype="device", stype_id=f"sd{v}") for v in (1, 2)]
    mounts = a_body(*(a_line("fs_used", v, NOW, stype_id=f"/{v}") for v in (4, 5)))
    gateway.samples.write([ramp("node01", [3] * 6), *devices, mounts])

    per_part = api.get("/v1/jobs/7/series", metrics="cpu_load", resolution_seconds=100).json()
    over = api.get(
        "/v1/jobs/7/series", metrics="cpu_load,fs_used", resolution_seconds=100, over_nodes="sum"
    ).json()
    load, fill = api.items("/v1/jobs/7/statistics", metrics="cpu_load,fs_used")

    assert [(s["stype_id"], s["values"]) for s in per_part["items"]] == [
        ("", [3]),
        ("sd1", [1]),
        ("sd2", [2]),
    ]
    assert [s["values"] for s in over["items"]] == [[3], [9]]
    assert (load["max"], load["count"]) == (3, 6)
    assert (fill["min"], fill["max"]) == (4, 5)


def test_a_job_that_has_no_nodes_yet_has_no_series(gateway: Gateway, api: Api) -> None:
    gateway.record(JobSubmitted(cluster="alex", job_id=9, submit_time=at(0), user="bob"))

    answer = api.get("/v1/jobs/9/series", metrics="cpu_load")

    assert (answer.status_code, answer.json()["items"]) == (200, [])
    assert api.items("/v1/jobs/9/statistics", metrics="cpu_load") == []
    assert api.get("/v1/jobs/9").json()["elapsed_seconds"] is None
