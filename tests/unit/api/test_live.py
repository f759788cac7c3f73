"""Live changes over a real socket: in order, replayed, of what one may see, and ended in time."""

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pilothouse_common.contract.events import JobFinished, JobStarted, NodeReported
from pilothouse_common.store.records import Records
from pilothouse_common.store.samples.port import SampleStore

from tests.support.gateway import Live, served
from tests.support.process import eventually

T0 = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Stream:
    """A reader of server-sent events."""

    def __init__(self, port: int, token: str, query: str = "", last_id: int | None = None) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        headers = {"Authorization": f"Bearer {token}"}
        if last_id is not None:
            headers["Last-Event-ID"] = str(last_id)
        self._connection.request("GET", f"/v1/live{query}", headers=headers)
        self.answer = self._connection.getresponse()

    def block(self) -> dict[str, str]:
        """Return the fields up to the next empty line; an end of the stream is an empty dict."""
        fields: dict[str, str] = {}
        while line := self.answer.readline():
            text = line.decode().rstrip("\n")
            if not text:
                return fields
            name, _, value = text.partition(": ")
            fields[name] = value
        return fields

    def event(self) -> dict[str, Any]:
        """Return the next block that is an event."""
        while True:
            block = self.block()
            assert block, "the stream ended"
            if "data" in block:
                return {**json.loads(block["data"]), "event": block["event"], "id": block["id"]}

    def close(self) -> None:
        self._connection.close()
        self.answer.close()


@pytest.fixture
def live(sqlite_records: Records, sample_store: SampleStore) -> Iterator[Live]:
    with served(sqlite_records, sample_store) as made:
        yield made


Follow = Callable[..., Stream]


@pytest.fixture
def follow() -> Iterator[Follow]:
    """Open streams that are closed with the test."""
    opened: list[Stream] = []

    def open_one(live: Live, token: str, query: str = "", last_id: int | None = None) -> Stream:
        opened.append(Stream(live.service.port, token, query, last_id))
        return opened[-1]

    yield open_one
    for stream in opened:
        stream.close()


def started(job_id: int, user: str = "alice", **more: Any) -> JobStarted:
    return JobStarted(
        cluster="alex", job_id=job_id, user=user, start_time=T0, nodes=["node01"], **more
    )


def test_what_happens_is_sent_in_order(live: Live, follow: Follow) -> None:
    stream = follow(live, live.token())
    assert "retry" in stream.block()

    live.happen(started(1))
    live.happen(JobFinished(cluster="alex", job_id=1, end_time=T0, exit_code=0))
    live.happen(NodeReported(cluster="alex", hostname="node01"))
    seen = [stream.event() for _ in range(3)]

    assert stream.answer.getheader("Content-Type", "").startswith("text/event-stream")
    assert [e["event"] for e in seen] == ["job.started", "job.finished", "node.reported"]
    assert [int(e["id"]) for e in seen] == sorted(e["seq"] for e in seen)
    assert seen[0]["data"]["nodes"] == ["node01"]
    assert (seen[2]["job_id"], seen[2]["hostname"]) == (None, "node01")


def test_a_reader_that_was_away_misses_nothing(live: Live, follow: Follow) -> None:
    live.happen(*(started(n) for n in range(1, 1201)))

    stream = follow(live, live.token(), last_id=100)
    seen = [stream.event()["seq"] for _ in range(1100)]

    assert seen == list(range(101, 1201))


def test_only_what_one_may_see_is_sent(live: Live, follow: Follow) -> None:
    alice = follow(live, live.token("alice", "live:read"), last_id=0)
    of_bio = follow(live, live.token("root", "live:read", "admin:all", account="bio"), last_id=0)
    one_job = follow(live, live.token("root", "live:read", "admin:all", job_id=3), last_id=0)

    live.happen(
        started(1, "bob", account="bio"), started(2, "alice"), started(3, "bob", account="chem")
    )
    live.happen(NodeReported(cluster="alex", hostname="node01"))
    live.happen(started(4, "alice", account="bio"))

    assert [alice.event()["job_id"] for _ in range(3)] == [2, None, 4]
    assert [of_bio.event()["job_id"] for _ in range(2)] == [1, 4]
    assert one_job.event()["job_id"] == 3


def test_a_stream_can_be_about_one_job_and_some_types(live: Live, follow: Follow) -> None:
    stream = follow(live, live.token(), "?types=job.finished,node.reported&job_id=2", last_id=0)

    live.happen(started(1), started(2))
    for job_id in (1, 2):
        live.happen(JobFinished(cluster="alex", job_id=job_id, end_time=T0, exit_code=0))

    event = stream.event()
    assert (event["event"], event["job_id"]) == ("job.finished", 2)


def test_a_replay_that_is_not_possible_says_so(live: Live, follow: Follow) -> None:
    live.happen(started(1))

    stream = follow(live, live.token(), last_id=10**9)

    assert stream.event()["event"] == "reset"
    live.happen(started(2))
    assert stream.event()["job_id"] == 2


def test_a_stream_ends_with_its_token(live: Live, follow: Follow) -> None:
    token = live.token("alice", "live:read")
    stream = follow(live, token)
    assert stream.block()

    jti = live.ports.tokens.verify(token).jti
    live.ports.tokens.revoke(jti, by="root")

    assert stream.block() == {}


def test_a_stream_ends_when_its_token_expires(live: Live, follow: Follow) -> None:
    stream = follow(live, live.token("alice", "live:read", seconds=2))
    assert stream.block()

    assert stream.block() == {}


def test_more_streams_than_allowed_are_refused(
    sqlite_records: Records, sample_store: SampleStore, follow: Follow
) -> None:
    with served(
        sqlite_records, sample_store, live_max_streams=3, live_max_streams_per_subject=2
    ) as live:
        alice, bob = live.token("alice", "live:read"), live.token("bob", "live:read")
        first, second = follow(live, alice), follow(live, alice)
        assert first.block()
        assert second.block()

        third = follow(live, alice)
        assert third.answer.status == 429
        assert third.answer.getheader("Retry-After")
        assert follow(live, bob).answer.status == 200
        assert follow(live, bob).answer.status == 429

        first.close()
        eventually(lambda: live.ports.live.open_streams == 2, within=5)
        assert follow(live, alice).answer.status == 200


def test_the_end_of_the_service_ends_its_streams(live: Live, follow: Follow) -> None:
    streams = [follow(live, live.token()) for _ in range(3)]
    assert all(stream.block() for stream in streams)

    live.stop.set()

    assert [stream.block() for stream in streams] == [{}] * 3
    live.thread.join(5)
    assert not live.thread.is_alive()


def test_without_the_broker_changes_still_arrive(live: Live, follow: Follow) -> None:
    stream = follow(live, live.token())
    assert stream.block()

    live.broker.close()
    live.record(started(1))

    assert stream.event()["job_id"] == 1


def test_a_client_that_goes_away_is_no_error(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    head = f"POST /v1/events HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {live.token()}\r\n"
    with socket.create_connection(("127.0.0.1", live.service.port), timeout=10) as leaver:
        leaver.sendall(f"{head}Content-Length: 100\r\n\r\n[".encode())
    with socket.create_connection(("127.0.0.1", live.service.port), timeout=10) as boaster:
        boaster.sendall(f"{head}Content-Length: 99999999999\r\n\r\n".encode())
        answer = boaster.recv(100)

    counted = live.ports.telemetry.requests.labels("POST", "/v1/events", "400")
    eventually(lambda: counted._value.get() == 1, within=10)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert [r for r in caplog.records if r.levelname == "ERROR"] == []
