"""What is special to one sample store: outages and kills, versions of the server, who owns a file."""

import json
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pilothouse_common.errors import ConfigError, Rejected, StoreUnavailable
from pilothouse_common.store.samples.open import open_sample_store
from pilothouse_common.store.samples.port import SampleStore, Selection

from tests.support.influxdb import InfluxServer, new_bucket, with_bucket
from tests.support.process import Program, eventually, free_port, listening
from tests.support.provide import program
from tests.support.recording import recording_server
from tests.support.samples import NOW, a_body, a_line, ramp


def count_of(store: SampleStore, metric: str = "cpu_load") -> int:
    window = (datetime.fromtimestamp(NOW - 60, UTC), datetime.fromtimestamp(NOW + 10**6, UTC))
    rows = store.statistics(Selection("alex", metric, *window), over_nodes=True)
    return rows[0].count if rows else 0


@pytest.fixture
def own_server() -> Iterator[InfluxServer]:
    with tempfile.TemporaryDirectory(prefix="influx-", dir="/var/tmp") as directory:
        server = InfluxServer(Path(directory)).start()
        yield server
        server.stop()


def test_what_influxdb_acknowledged_survives_its_kill_and_the_adapter_goes_on(
    own_server: InfluxServer,
):
    store = open_sample_store(own_server.url())
    store.write([ramp("node01", [1, 2])])

    own_server.kill()

    with pytest.raises(StoreUnavailable):
        store.write([ramp("node01", [3], start=NOW + 20)])
    with pytest.raises(StoreUnavailable):
        store.check()
    with pytest.raises(StoreUnavailable):
        count_of(store)
    own_server.start()
    store.write([ramp("node01", [3], start=NOW + 20)])
    assert count_of(store) == 3
    store.close()


def test_a_database_that_was_dropped_is_made_again_at_the_second_try(influx_base_url: str):
    bucket = new_bucket()
    store = open_sample_store(with_bucket(influx_base_url, bucket))
    store.write([ramp("node01", [1])])
    other = open_sample_store(with_bucket(influx_base_url, new_bucket()))
    other._connection.ask(f"DROP DATABASE {bucket}")  # type: ignore[attr-defined]  # as an operator would

    with pytest.raises(StoreUnavailable, match="database not found"):
        store.write([ramp("node01", [1])])

    store.write([ramp("node01", [1])])
    assert count_of(store) == 1


def test_a_field_type_conflict_is_refused_in_influxdb_s_own_words(influx_base_url: str):
    store = open_sample_store(with_bucket(influx_base_url, new_bucket()))
    store.write([ramp("node01", [1])])

    with pytest.raises(
        Rejected, match=r"field type conflict.*cpu_load.*already exists as type float"
    ):
        store.write([a_body(a_line(value="5i", time=NOW + 10))])


def test_the_members_reach_the_server_as_they_came():
    """Neither unpacked nor compressed a second time: what is posted begins with the first body."""
    body = ramp("node01", range(1000))
    for api in (1, 2):
        with recording_server() as (port, requests):
            store = open_sample_store(f"influxdb://token@127.0.0.1:{port}/b?org=o&api={api}")
            store.write([body, body])
            store.close()

        posted = requests[-1]
        assert posted.path.startswith("/api/v2/write" if api == 2 else "/write")
        assert posted.headers["Content-Encoding"] == "gzip"
        assert posted.headers["Authorization"] == "Token token"
        assert posted.body.startswith(body)
        assert posted.body.endswith(body)
        assert "precision=s" in posted.path


@pytest.mark.parametrize(
    ("status", "expected"),
    [(400, Rejected), (413, Rejected), (422, Rejected), (401, StoreUnavailable), (404, StoreUnavailable),
     (429, StoreUnavailable), (500, StoreUnavailable), (503, StoreUnavailable)],
)  # fmt: skip
@pytest.mark.parametrize("api", [1, 2])
def test_an_http_status_says_whether_to_wait_or_to_look_at_the_data(
    api: int, status: int, expected: type[Exception]
):
    with recording_server(status=status, answer=b'{"error":"the words"}') as (port, _):
        store = open_sample_store(f"influxdb://127.0.0.1:{port}/b?org=o&api={api}")

        with pytest.raises(expected, match="the words"):
            store.write([ramp("node01", [1])])


def test_a_server_that_does_not_answer_in_time_is_unavailable():
    with recording_server(silent=True) as (port, _):
        store = open_sample_store(f"influxdb://127.0.0.1:{port}/b?api=1&timeout_seconds=0.2")

        with pytest.raises(StoreUnavailable, match="timed out"):
            store.write([ramp("node01", [1])])


def test_a_bucket_of_influxdb_2_is_mapped_for_influxql_once():
    others = {
        "/api/v2/dbrps": b'{"content":[]}',
        "/api/v2/buckets": b'{"buckets":[{"id":"0f","name":"b"}]}',
    }
    with recording_server(others=others) as (port, requests):
        store = open_sample_store(f"influxdb://token@127.0.0.1:{port}/b?org=o&api=2")
        assert count_of(store) == 0
        assert count_of(store) == 0
        store.close()

    assert [(r.method, r.path.partition("?")[0]) for r in requests] == [
        ("GET", "/api/v2/dbrps"),
        ("GET", "/api/v2/buckets"),
        ("POST", "/api/v2/dbrps"),
        ("POST", "/query"),
        ("POST", "/query"),
    ]
    mapping = json.loads(requests[2].body)
    assert (mapping["database"], mapping["bucketID"], mapping["org"]) == ("b", "0f", "o")
    assert {r.headers["Authorization"] for r in requests} == {"Token token"}


def test_a_missing_bucket_of_influxdb_2_is_named():
    others = {"/api/v2/dbrps": b'{"content":[]}', "/api/v2/buckets": b'{"buckets":[]}'}
    with recording_server(others=others) as (port, _):
        store = open_sample_store(f"influxdb://127.0.0.1:{port}/b?org=o&api=2")

        with pytest.raises(StoreUnavailable, match="no bucket 'b' in organisation 'o'"):
            count_of(store)


@pytest.fixture
def victoria_metrics() -> Iterator[int]:
    """A server that takes /api/v2/write: the write path of 2.x without a container."""
    binary = program("victoria-metrics", packages=["victoria-metrics"])
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="vm-", dir="/var/tmp") as directory:
        arguments = [
            f"-storageDataPath={directory}/data",
            f"-httpListenAddr=127.0.0.1:{port}",
            "-retentionPeriod=100y",
            "-search.latencyOffset=0s",
        ]
        server = Program([binary, *arguments], log=Path(directory) / "log").start()
        server.wait_ready(lambda: listening(port), within=20)
        yield port
        server.stop()


def test_influxdb_client_writes_concatenated_members_to_a_real_server(victoria_metrics: int):
    base = f"http://127.0.0.1:{victoria_metrics}"
    store = open_sample_store(f"influxdb://127.0.0.1:{victoria_metrics}/b?org=o&api=2")

    store.write([ramp(f"node{number}", range(100)) for number in range(20)])

    def exported() -> int:
        urllib.request.urlopen(f"{base}/internal/force_flush", timeout=5).close()
        query = f"{base}/api/v1/export?match[]=cpu_load_value"
        with urllib.request.urlopen(query, timeout=5) as answer:
            return sum(len(json.loads(line)["values"]) for line in answer)

    assert eventually(lambda: exported() == 2000 or exported(), within=10) is True
    store.close()


@pytest.mark.parametrize(
    "url",
    [
        "influxdb://",
        "influxdb://host:8086",
        "influxdb://host:port/b",
        "influxdb://host/b?nonsense=1",
        "influxdb://host/b?api=4",
        "influxdb://host/b?timeout_seconds=soon",
        "influxdb://hidden-word:hidden-word@host/",
        "influxdb://hidden-word@host/b?x",
        "mongodb://hidden-word@host/b",
        "duckdb:relative",
        "duckdb://host/file",
        "duckdb:///",
        "duckdb:///proc/no/such/place.duckdb",
        "",
    ],
)
def test_a_wrong_url_is_one_line_without_its_secret(url: str):
    with pytest.raises(ConfigError) as caught:
        open_sample_store(url)

    assert "\n" not in str(caught.value)
    assert "sample store" in str(caught.value)
    assert "hidden-word" not in str(caught.value)


def test_an_embedded_file_belongs_to_one_process(tmp_path: Path):
    url = f"duckdb://{tmp_path}/samples.duckdb"
    code = f"""
from pilothouse_common.store.samples.open import open_sample_store
from pilothouse_common.errors import ConfigError
try:
    open_sample_store({url!r})
except ConfigError as exc:
    print(exc)
"""
    store = open_sample_store(url)

    second = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert "lock" in second.stdout
    assert str(tmp_path) in second.stdout
    store.close()


def test_a_file_that_is_no_database_is_a_clear_error(tmp_path: Path):
    (tmp_path / "x.duckdb").write_bytes(b"garbage" * 1000)

    with pytest.raises(ConfigError, match="not a valid DuckDB"):
        open_sample_store(f"duckdb://{tmp_path}/x.duckdb")


_WRITER = """
import sys
from pilothouse_common.store.samples.open import open_sample_store
from tests.support.samples import NOW, ramp
store = open_sample_store(sys.argv[1])
for number in range(100000):
    store.write([ramp("node01", [number], start=NOW + number)])
    print(number, flush=True)
"""


def wait_for_lines(writer: Program, count: int) -> None:
    eventually(lambda: len(writer.output().splitlines()) > count, within=30)


def test_the_embedded_store_keeps_every_acknowledged_write_through_kill_9(tmp_path: Path):
    url = f"duckdb://{tmp_path}/samples.duckdb"
    for _ in range(3):
        log = tmp_path / "written"
        log.unlink(missing_ok=True)
        writer = Program([sys.executable, "-c", _WRITER, url], log=log).start()
        wait_for_lines(writer, 200)
        writer.kill()
        acknowledged = int(writer.output().rpartition("\n")[0].rpartition("\n")[2]) + 1

        store = open_sample_store(url)
        found = count_of(store)
        store.close()

        assert found >= acknowledged


def test_the_embedded_store_opened_again_still_replaces_what_is_doubled(tmp_path: Path):
    url = f"duckdb://{tmp_path}/samples.duckdb"
    first = open_sample_store(url)
    first.write([ramp("node01", [1, 2, 3]), ramp("node02", [1])])
    first.close()

    again = open_sample_store(url)
    again.write([ramp("node01", [1, 2, 4]), ramp("node03", [1])])

    assert count_of(again) == 5
    again.close()
    again.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        again.check()


def test_questions_to_the_embedded_store_do_not_wait_for_a_long_write(tmp_path: Path):
    store = open_sample_store(f"duckdb://{tmp_path}/samples.duckdb")
    store.write([ramp("node01", [1])])
    body = ramp("node02", range(400_000))
    writing = threading.Thread(target=store.write, args=([body],))
    answered = 0

    writing.start()
    while writing.is_alive():
        count_of(store)
        answered += 1
    writing.join()

    assert answered > 3
    store.close()


def test_the_embedded_store_goes_on_after_its_disk_was_full(tmp_path: Path):
    """The file size limit of a child process stands for the disk."""
    code = """
import resource, signal, sys
from pilothouse_common.errors import StoreUnavailable
from pilothouse_common.store.samples.open import open_sample_store
from tests.support.samples import NOW, ramp
store = open_sample_store(sys.argv[1])
store.write([ramp("node01", [1])])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
big = [ramp(f"node{n}", [i * 1.37 for i in range(5000)]) for n in range(20)]
for _ in range(3):
    try:
        store.write(big)
    except StoreUnavailable as exc:
        print("full", exc)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.check()
store.write(big)
store.close()
"""
    url = f"duckdb://{tmp_path}/samples.duckdb"

    done = subprocess.run(
        [sys.executable, "-c", code, url], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "full" in done.stdout
    store = open_sample_store(url)
    assert count_of(store) == 100_001
    store.close()


def test_the_embedded_store_takes_unknown_tags_as_part_of_the_series(tmp_path: Path):
    store = open_sample_store(f"duckdb://{tmp_path}/samples.duckdb")
    line = a_line()

    store.write([a_body(line.replace(" ", f",cpu=cpu{n} ", 1)) for n in range(3)])

    assert count_of(store) == 3
    store.close()


def test_the_embedded_store_needs_few_bytes_per_sample(tmp_path: Path):
    path = tmp_path / "samples.duckdb"
    store = open_sample_store(f"duckdb://{path}")
    names = [f"node{number:02}" for number in range(50)]
    for step in range(0, 400, 20):
        store.write(
            [ramp(n, [i % 7 / 4 for i in range(500)], start=NOW + step * 250) for n in names]
        )

    assert count_of(store) == 500_000
    store.close()
    assert path.stat().st_size / 500_000 < 12
