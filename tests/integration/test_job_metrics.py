"""A job's own metrics through HTTP, over each sample store: two jobs on one node are told apart."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pilothouse_common.contract.events import JobStarted
from pilothouse_common.store.records import Records
from pilothouse_common.store.samples.open import open_sample_store

from tests.support.api import Api, Gateway, serving
from tests.support.influxdb import new_bucket, with_bucket
from tests.support.samples import NOW, a_body, a_line

T0 = datetime.fromtimestamp(NOW, UTC)


@pytest.fixture(params=["duckdb", "influxdb"])
def gateway(
    request: pytest.FixtureRequest, sqlite_records: Records, tmp_path: Path
) -> Iterator[Gateway]:
    url = f"duckdb://{tmp_path}/samples.duckdb"
    if request.param == "influxdb":
        url = with_bucket(request.getfixturevalue("influx_base_url"), new_bucket())
    samples = open_sample_store(url)
    made = Gateway(sqlite_records, samples)
    yield made
    made.broker.close()
    samples.close()


@pytest.fixture
def api(gateway: Gateway) -> Iterator[Api]:
    with serving(gateway) as client:
        yield Api(client, gateway.token())


def run(gateway: Gateway, job_id: int, **more: object) -> None:
    nodes = ["node01"]
    gateway.record(
        JobStarted(cluster="alex", job_id=job_id, start_time=T0, nodes=nodes, user="alice", cpus=4)
    )
    lines = [
        a_line(metric, value, NOW + 10 * i, jobid=str(job_id))
        for metric, value in more.items()
        for i in range(3)
    ]
    gateway.samples.write([a_body(*lines)] if lines else [])


def of_the_node(gateway: Gateway) -> None:
    lines = [a_line(name, 99, NOW + 10 * i) for name in ("cpu_user", "net_bw") for i in range(3)]
    gateway.samples.write([a_body(*lines)])


def test_jobs_that_share_a_node_have_their_own_series(gateway: Gateway, api: Api) -> None:
    of_the_node(gateway)
    run(gateway, 7, job_user_cpu=150)
    run(gateway, 8, job_user_cpu=30)

    def items(job_id: int, **asked: object) -> list[dict[str, Any]]:
        answer = api.get(f"/v1/jobs/{job_id}/series", end=str(NOW + 60), **asked).json()
        found: list[dict[str, Any]] = answer["items"]
        return found

    [of_7] = items(7, metrics="job_user_cpu", resolution_seconds=10)
    [of_8] = items(8, metrics="job_user_cpu", over_nodes="sum")
    both = items(7, metrics="job_user_cpu,cpu_user")

    assert (of_7["hostname"], of_7["values"]) == ("node01", [150, 150, 150])
    assert set(of_8["values"]) == {30}
    assert [item["metric"] for item in both] == ["job_user_cpu", "cpu_user"]


def test_without_names_a_job_s_own_metrics_replace_its_node_s(gateway: Gateway, api: Api) -> None:
    of_the_node(gateway)
    run(gateway, 7, job_user_cpu=150, job_mem_used=1e9, job_mem_limit=4e9)
    run(gateway, 9)

    own = {item["metric"] for item in api.get("/v1/jobs/7/series").json()["items"]}
    nodes = {item["metric"] for item in api.get("/v1/jobs/9/series").json()["items"]}
    statistics = {item["metric"] for item in api.items("/v1/jobs/7/statistics")}

    assert own == {"job_user_cpu", "job_mem_used", "job_mem_limit", "net_bw"}
    assert nodes == {"cpu_user", "net_bw"}
    assert statistics == own


def test_efficiency_counts_what_the_job_had_and_used(gateway: Gateway, api: Api) -> None:
    run(
        gateway,
        7,
        job_user_cpu=150,
        job_sys_cpu=10,
        job_hwthreads=2,
        job_mem_used=3,
        job_mem_limit=4,
    )
    run(gateway, 8, job_user_cpu=150, job_sys_cpu=10)
    run(gateway, 9)

    answers = [api.get(f"/v1/jobs/{n}/statistics", metrics="cpu_user").json() for n in (7, 8, 9)]

    assert [answer["efficiency"] for answer in answers] == [
        {"cpu_percent": 80, "memory_percent": 75},
        {"cpu_percent": 40, "memory_percent": None},
        None,
    ]


def test_steps_are_not_added_to_their_job(gateway: Gateway, api: Api) -> None:
    run(gateway, 7, job_user_cpu=150)
    steps = [a_line("job_user_cpu", 75, NOW, jobid="7", stype="step", stype_id=s) for s in "01"]
    gateway.samples.write([a_body(*steps)])

    [total] = api.items("/v1/jobs/7/statistics", metrics="job_user_cpu")
    items = api.get("/v1/jobs/7/series", metrics="job_user_cpu").json()["items"]

    assert (total["avg"], total["max"]) == (150, 150)
    assert [item["stype_id"] for item in items] == ["", "0", "1"]


def test_an_earlier_job_of_the_same_id_is_not_counted(gateway: Gateway, api: Api) -> None:
    run(gateway, 7, job_user_cpu=150)
    before = NOW - int(timedelta(days=30).total_seconds())
    gateway.samples.write([a_body(a_line("job_user_cpu", 5, before, jobid="7"))])

    [total] = api.items("/v1/jobs/7/statistics", metrics="job_user_cpu")

    assert (total["min"], total["count"]) == (150, 3)
