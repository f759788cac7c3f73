"""JuMonC's form on PostgreSQL and InfluxDB: what it asks of stores they answer as the embedded ones do."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from pilothouse_common.store.records import Records
from pilothouse_common.store.samples.open import open_sample_store

from tests.support.influxdb import new_bucket, with_bucket
from tests.support.jumonc import OldClient, an_old_client, measure, report
from tests.support.process import eventually


@pytest.fixture
def old(postgres_records: Records, influx_base_url: str) -> Iterator[OldClient]:
    samples = open_sample_store(with_bucket(influx_base_url, new_bucket()))
    with an_old_client(postgres_records, samples) as made:
        report(made.gateway, "n1", "n2", interval_seconds=60)
        second = int(datetime.now(UTC).timestamp())
        values = {"cpu_load": 2.5, "mem_free": 4096.0, "acc_power": 300.0, "eth_read_bw": 10.0}
        measure(samples, ["n1", "n2"], [second - 20, second - 10, second], values)
        yield made
    samples.close()


def test_metrics_are_answered(old: OldClient) -> None:
    ask = {"node": "n2", "humanReadable": "0"}

    assert old.json("/v1/cpu/status/load") == [{"CPU load": "[2.5, 2.5]"}]
    assert old.json("/v1/main_memory/status/free", duration=60, **ask) == [{"free[B]": "4096.0"}]
    assert old.json("/v1/io/status/read_count", **ask) == [{"read count[]": "0"}]
    assert old.json("/v1/gpu/status/power.draw", node="n1") == {
        "gpu": [{"power_readings": {"power_draw": 300.0, "unit": "W"}}] * 2
    }
    received = old.json("/v1/network/status/Bytes", interface="total", duration=0.05, **ask)
    assert received[0][0]["received"] == {"Bytes/s": 20.0}


def test_answers_and_tasks_are_kept(old: OldClient) -> None:
    task = old.json("/v1/scheduled/schedule", interval=60_000, task="/v1/cpu/status/load?node=n1")
    task_id = task.rpartition(" ")[2]
    eventually(lambda: old.get("/v1/scheduled/result", id=task_id).status_code == 200, within=10)
    old.json("/v1/main_memory/status/free")

    page = old.json("/v1/cache/list", path="MAIN_memory")

    assert [item["API_path"] for item in page[1:]] == ["/v1/main_memory/status/free"]
    assert old.json("/v1/scheduled/result", id=task_id)["results"] == {"CPU load": "2.5"}
