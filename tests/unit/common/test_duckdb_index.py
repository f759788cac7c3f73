"""The embedded store's dictionary in memory: it answers as the file does, also when it is opened again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pilothouse_common.errors import StoreUnavailable
from pilothouse_common.store.samples.open import open_sample_store
from pilothouse_common.store.samples.port import SampleStore, Selection

from tests.support.samples import NOW, a_body, a_line

END = datetime.fromtimestamp(NOW, UTC)
SINCE = END - timedelta(minutes=1)
Open = Callable[[], SampleStore]


@pytest.fixture
def reopened(tmp_path: Path) -> Open:
    return lambda: open_sample_store(f"duckdb://{tmp_path}/samples.duckdb")


def selection() -> Selection:
    return Selection(cluster="alex", metric="cpu_load", start=SINCE, end=END, hostnames=("node01",))


def test_series_that_differ_in_another_tag_only_are_one_part(reopened: Open) -> None:
    store = reopened()
    lines = [
        a_line(value=1.0, time=NOW - 20, rack="a"),
        a_line(value=2.0, time=NOW - 20, rack="b"),
        a_line(value=7.0, time=NOW - 10, rack="a"),
    ]
    store.write([a_body(*lines)])

    (series,) = store.series(selection(), resolution_seconds=10)
    (last,) = store.last("alex", ["cpu_load"], since=SINCE, hostname="node01")

    assert series.values == (1.5, 7.0)
    assert (last.time, last.value) == (NOW - 10, 7.0)
    store.close()


def test_newest_values_are_those_of_the_file_after_a_restart(reopened: Open) -> None:
    store = reopened()
    late, again = a_line(value=3.0, time=NOW - 30), a_line(value=9.0, time=NOW - 5)
    store.write([a_body(a_line(value=8.0, time=NOW - 5), a_line("mem_used", 1, NOW - 500))])
    store.write([a_body(late, again)])
    before = store.last("alex", ["cpu_load", "mem_used"], since=SINCE)
    store.close()

    store = reopened()

    assert store.last("alex", ["cpu_load", "mem_used"], since=SINCE) == before
    assert [(x.metric, x.time, x.value) for x in before] == [("cpu_load", NOW - 5, 9.0)]
    assert store.metrics("alex", since=SINCE) == ["cpu_load"]
    assert store.series(selection(), resolution_seconds=10)[0].values == (3.0, 9.0)
    store.close()


def test_a_closed_store_has_no_newest_values(reopened: Open) -> None:
    store = reopened()
    store.write([a_body(a_line())])
    store.close()

    with pytest.raises(StoreUnavailable):
        store.last("alex", ["cpu_load"], since=SINCE)
