"""What every sample store does, whichever server or file is behind it (store/samples/port.py)."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pilothouse_common.errors import Rejected
from pilothouse_common.store.samples.open import open_sample_store
from pilothouse_common.store.samples.port import (
    Distribution,
    Last,
    SampleStore,
    Selection,
    Series,
    Statistics,
)

from tests.support.containers import engine_runs
from tests.support.influxdb import new_bucket, with_bucket
from tests.support.samples import NOW, a_body, a_line, ramp

STORES = ["duckdb", "influxdb"]
if engine_runs():  # where there is none, these do not exist: in CI a skip is a failure
    STORES.append("influxdb2")


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SampleStore]:
    if request.param == "duckdb":
        url = f"duckdb://{tmp_path}/samples.duckdb"
    elif request.param == "influxdb":
        url = with_bucket(request.getfixturevalue("influx_base_url"), new_bucket())
    else:
        url = request.getfixturevalue("influx2_url")
    opened = open_sample_store(url)
    yield opened
    opened.close()


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(NOW + seconds, UTC)


def selection(
    metric: str = "cpu_load", *, start: int = 0, end: int = 600, **more: Any
) -> Selection:
    return Selection("alex", metric, at(start), at(end), **more)


def test_a_series_holds_one_value_per_bucket_on_a_grid_of_the_resolution(store: SampleStore):
    store.write([ramp("node01", [1, 3, 5, 7, 9])])

    found = store.series(selection(), resolution_seconds=20)

    assert found == [Series("node01", "", "", (NOW, NOW + 20, NOW + 40), (2.0, 6.0, 9.0))]


def test_the_grid_is_aligned_to_the_epoch_and_the_window_excludes_its_end(store: SampleStore):
    store.write([ramp("node01", [1, 2, 3, 4, 5])])

    found = store.series(selection(start=10, end=40), resolution_seconds=20)

    assert found == [Series("node01", "", "", (NOW, NOW + 20), (2.0, 3.5))]


def test_buckets_without_samples_are_left_out(store: SampleStore):
    store.write([ramp("node01", [1]), ramp("node01", [2], start=NOW + 100)])

    found = store.series(selection(), resolution_seconds=20)

    assert found == [Series("node01", "", "", (NOW, NOW + 100), (1.0, 2.0))]


@pytest.mark.parametrize(
    ("within", "expected"),
    [("avg", 2.0), ("sum", 4.0), ("min", 1.0), ("max", 3.0), ("count", 2.0)],
)
def test_a_bucket_is_aggregated_as_asked(store: SampleStore, within: Any, expected: float):
    store.write([ramp("node01", [1, 3])])

    found = store.series(selection(), resolution_seconds=20, within=within)

    assert found == [Series("node01", "", "", (NOW,), (expected,))]


@pytest.mark.parametrize(
    ("over_nodes", "expected"),
    [("avg", 20.0), ("sum", 60.0), ("min", 10.0), ("max", 30.0), ("count", 3.0)],
)
def test_nodes_are_combined_after_each_made_its_bucket_value(
    store: SampleStore, over_nodes: Any, expected: float
):
    store.write([ramp("node01", [5, 15]), ramp("node02", [20]), ramp("node03", [30, 30, 1])])

    found = store.series(selection(), resolution_seconds=20, over_nodes=over_nodes)

    assert found[0].hostname == ""
    assert (found[0].times[0], found[0].values[0]) == (NOW, expected)
    assert found[0].times[1:] == (NOW + 20,)


def test_the_first_bucket_over_nodes_is_there_when_the_window_begins_inside_it(store: SampleStore):
    store.write([ramp("node01", [1, 2, 3]), ramp("node02", [1, 2, 3])])

    found = store.series(selection(start=10), resolution_seconds=20, over_nodes="sum")

    assert found == [Series("", "", "", (NOW, NOW + 20), (4.0, 6.0))]


def test_only_the_asked_nodes_and_cluster_answer(store: SampleStore):
    store.write([ramp("node01", [1]), ramp("node02", [2]), ramp("node01", [9], cluster="other")])

    found = store.series(selection(hostnames=("node02", "node99")), resolution_seconds=10)

    assert [(series.hostname, series.values) for series in found] == [("node02", (2.0,))]


def test_parts_of_a_node_are_series_of_their_own_in_the_order_of_their_numbers(store: SampleStore):
    threads = [ramp("node01", [n], type="hwthread", type_id=str(n)) for n in (10, 9, 0)]
    store.write([*threads, ramp("node01", [99])])

    found = store.series(selection(type="hwthread"), resolution_seconds=10)

    assert [(series.type_id, series.values) for series in found] == [
        ("0", (0.0,)),
        ("9", (9.0,)),
        ("10", (10.0,)),
    ]


def test_one_device_can_be_asked_for(store: SampleStore):
    devices = ("/scratch", "/home dir")
    store.write([ramp("node01", [1], stype="filesystem", stype_id=name) for name in devices])

    one = store.series(selection(stype_id="/home dir"), resolution_seconds=10)
    both = store.series(selection(), resolution_seconds=10)

    assert [series.stype_id for series in one] == ["/home dir"]
    assert [series.stype_id for series in both] == ["/home dir", "/scratch"]


def test_the_total_of_a_node_can_be_told_from_its_devices(store: SampleStore):
    devices = [ramp("node01", [v], stype="device", stype_id=f"sd{v}") for v in (1, 2)]
    store.write([ramp("node01", [3]), *devices])

    everything = store.statistics(selection())
    total = store.statistics(selection(whole=True))
    (series,) = store.series(selection(whole=True), resolution_seconds=10, over_nodes="sum")

    assert everything == [Statistics("node01", 1.0, 3.0, 2.0, 3)]
    assert total == [Statistics("node01", 3.0, 3.0, 3.0, 1)]
    assert series.values == (3.0,)


def test_samples_of_a_job_are_not_mixed_with_those_of_another_or_of_the_node(store: SampleStore):
    store.write([ramp("node01", [1]), *(ramp("node01", [int(j)], jobid=j) for j in ("7", "8"))])

    of_the_node = store.statistics(selection())
    of_job_8 = store.statistics(selection(jobid="8"))

    assert of_the_node == [Statistics("node01", 1.0, 1.0, 1.0, 1)]
    assert of_job_8 == [Statistics("node01", 8.0, 8.0, 8.0, 1)]


def test_the_value_written_last_replaces_that_of_the_same_second(store: SampleStore):
    store.write([ramp("node01", [1, 2, 3])])
    store.write([ramp("node01", [1, 2, 3])])
    store.write([a_body(a_line(value=7, time=NOW + 10), a_line(value=8, time=NOW + 10))])

    found = store.series(selection(), resolution_seconds=10)

    assert found == [Series("node01", "", "", (NOW, NOW + 10, NOW + 20), (1.0, 8.0, 3.0))]
    assert store.statistics(selection())[0].count == 3


def test_late_samples_find_their_place(store: SampleStore):
    store.write([ramp("node01", [3], start=NOW + 20)])
    store.write([ramp("node01", [1, 2])])

    found = store.series(selection(), resolution_seconds=10)

    assert found[0].values == (1.0, 2.0, 3.0)


def test_a_body_without_a_newline_at_its_end_does_not_eat_the_next_one(store: SampleStore):
    store.write([a_body(a_line(value=1), end=""), ramp("node02", [2])])

    assert [row.hostname for row in store.statistics(selection())] == ["node01", "node02"]
    assert store.metrics("alex", since=at(-60)) == ["cpu_load"]


@pytest.mark.parametrize("store", ["duckdb", "influxdb"], indirect=True)  # 2.x stores none of them
def test_good_lines_are_stored_when_others_of_the_same_batch_are_refused(store: SampleStore):
    bad = a_body(a_line(time=NOW), "this is no line", a_line(time=NOW + 10, value=4))

    with pytest.raises(Rejected, match="this is no line"):
        store.write([bad, ramp("node02", [2])])

    assert [(s.hostname, s.count) for s in store.statistics(selection())] == [
        ("node01", 2),
        ("node02", 1),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "cpu_load,hostname=node01 value=nan 1760000000",
        "cpu_load,hostname=node01 value=inf 1760000000",
        "cpu_load,hostname=node01 value=1_0 1760000000",
        "cpu_load,hostname=node01 value= 1760000000",
        "cpu_load,hostname=node01 value=1 99999999999999",
        "cpu_load,hostname= value=1 1760000000",
        "cpu_load,hostname=node01",
        "cpu_load,hostname=node01 value=1 1760000000 1",
        ",hostname=node01 value=1 1760000000",
    ],
)
def test_a_line_that_breaks_the_protocol_is_refused_in_words(store: SampleStore, line: str):
    store.write([a_body("cpu_load,hostname=node01 value=1 1750000000")])

    with pytest.raises(Rejected, match=r"\w+"):
        store.write([a_body(line)])


@pytest.mark.parametrize(
    "store", ["duckdb", "influxdb"], indirect=True
)  # 2.x says it is in trouble
@pytest.mark.parametrize("cut", [1, 4, 9, 20])
def test_a_body_that_is_cut_off_is_refused_wherever_it_stands(store: SampleStore, cut: int):
    body = ramp("node01", range(50))

    with pytest.raises(Rejected):
        store.write([body[:-cut], ramp("node02", [2])])
    with pytest.raises(Rejected):
        store.write([ramp("node02", [2]), body[:-cut]])


def test_statistics_are_over_raw_samples_per_node_or_over_all(store: SampleStore):
    store.write([ramp("node02", [4, 8]), ramp("node01", [1, 2, 3])])

    per_node = store.statistics(selection())
    over_all = store.statistics(selection(), over_nodes=True)

    assert per_node == [
        Statistics("node01", 1.0, 3.0, 2.0, 3),
        Statistics("node02", 4.0, 8.0, 6.0, 2),
    ]
    assert over_all == [Statistics("", 1.0, 8.0, 3.6, 5)]


def test_a_distribution_names_the_samples_of_nearest_rank(store: SampleStore):
    store.write([ramp("node01", range(1, 21)), ramp("node02", range(21, 101))])

    found = store.distribution(selection(end=2000), [0.001, 0.05, 0.25, 0.5, 0.95, 1.0])

    assert found == Distribution(
        (0.001, 0.05, 0.25, 0.5, 0.95, 1.0), (1.0, 5.0, 25.0, 50.0, 95.0, 100.0), 100
    )


def test_the_newest_value_of_each_series_of_several_metrics_comes_in_one_answer(store: SampleStore):
    store.write(
        [
            ramp("node01", [1, 2]),
            ramp("node01", [5], metric="mem used"),
            ramp("node02", [3]),
            ramp("node02", [4], start=NOW - 7200, metric="old"),
            ramp("node01", [9], type="hwthread", type_id="0"),
            ramp("node01", [7], metric="disk_free", stype="filesystem", stype_id="/"),
        ]
    )
    names = ["cpu_load", "mem used", "old", "never_seen", "disk_free"]

    everywhere = store.last("alex", names, since=at(-3600))
    on_one = store.last("alex", names, since=at(-3600), hostname="node02")

    assert everywhere == [
        Last("node01", "cpu_load", "", "", NOW + 10, 2.0),
        Last("node01", "mem used", "", "", NOW, 5.0),
        Last("node01", "disk_free", "", "/", NOW, 7.0),
        Last("node02", "cpu_load", "", "", NOW, 3.0),
    ]
    assert on_one == [Last("node02", "cpu_load", "", "", NOW, 3.0)]
    assert store.last("alex", [], since=at(-3600)) == []


def test_metrics_are_those_that_have_samples_since(store: SampleStore):
    store.write(
        [
            ramp("node01", [1], metric="cpu_load"),
            ramp("node01", [1], metric="ancient", start=NOW - 86_400),
            ramp("node02", [1], metric="flops_any", type="hwthread", type_id="3"),
            ramp("node01", [1], metric="elsewhere", cluster="other"),
        ]
    )

    assert store.metrics("alex", since=at(-3600)) == ["cpu_load", "flops_any"]
    assert store.metrics("alex", since=at(-3600), hostname="node02") == ["flops_any"]
    assert store.metrics("nobody", since=at(-3600)) == []


def test_what_was_never_written_is_an_empty_answer(store: SampleStore):
    nothing = selection("never_seen")

    assert store.series(nothing, resolution_seconds=10) == []
    assert store.series(nothing, resolution_seconds=10, over_nodes="sum") == []
    assert store.statistics(nothing) == []
    assert store.statistics(nothing, over_nodes=True) == []
    assert store.distribution(nothing, [0.5]) == Distribution((0.5,), (), 0)
    store.write([])
    store.check()


HOSTILE = [
    "it's",
    'say "hi"',
    "back\\slash",
    "; DROP DATABASE x",
    "a,b=c d",
    "/.*/",
    "') OR ('1'='1",
    '"; SELECT 1; --',
    "größe",
    "%s%d{}",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_only_names(store: SampleStore, name: str):
    store.write([ramp("node01", [4], metric=name), ramp("node01", [5], jobid=name)])
    store.write([ramp("node01", [6], metric="disk_free", stype_id=name)])

    assert store.statistics(selection(name)) == [Statistics("node01", 4.0, 4.0, 4.0, 1)]
    assert store.statistics(selection(jobid=name)) == [Statistics("node01", 5.0, 5.0, 5.0, 1)]
    assert [s.stype_id for s in store.series(selection("disk_free"), resolution_seconds=10)] == [
        name
    ]
    assert len(store.series(selection("disk_free", stype_id=name), resolution_seconds=10)) == 1
    assert [row.metric for row in store.last("alex", [name], since=at(-60))] == [name]
    assert store.statistics(selection(hostnames=(name,))) == []
    assert Selection(name, name, at(0), at(1)) is not None
    assert store.series(Selection(name, name, at(0), at(1)), resolution_seconds=10) == []
    assert store.last(name, [name], since=at(-60), hostname=name) == []


def test_a_thousand_nodes_can_be_asked_at_once(store: SampleStore):
    names = tuple(f"node{number:04}" for number in range(1500))
    lines = [a_line(value=number, hostname=name) for number, name in enumerate(names)]
    store.write([a_body(*lines[n : n + 100]) for n in range(0, 1500, 100)])
    asked = names[:1000]

    begun = time.monotonic()
    each = store.series(selection(hostnames=asked), resolution_seconds=10)
    total = store.series(selection(hostnames=asked), resolution_seconds=10, over_nodes="sum")
    took = time.monotonic() - begun

    assert [series.hostname for series in each] == list(asked)
    assert total == [Series("", "", "", (NOW,), (float(sum(range(1000))),))]
    assert took < 5


def test_threads_write_and_ask_at_the_same_time(store: SampleStore):
    problems: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for step in range(10):
                store.write([ramp(f"node{number}", [step], start=NOW + step * 10)])
                store.statistics(selection())
        except BaseException as exc:  # noqa: BLE001 shown by the assertion below
            problems.append(exc)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert problems == []
    assert [row.count for row in store.statistics(selection())] == [10] * 4


def test_a_window_of_years_is_no_problem(store: SampleStore):
    store.write([ramp("node01", [1])])
    wide = Selection("alex", "cpu_load", at(0) - timedelta(days=5000), at(0) + timedelta(days=5000))

    found = store.series(wide, resolution_seconds=864_000, over_nodes="avg")

    assert [series.values for series in found] == [(1.0,)]
