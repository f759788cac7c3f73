"""The https carrier: what is posted is published before it is answered, or refused with a reason."""

import gzip
import json
from collections.abc import Sequence
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pilothouse_api.events.schemas import BATCH, EXAMPLE, SINGLE
from pilothouse_common.broker.port import Disposition
from pilothouse_common.contract.events import decode_event
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.samples import decompress
from pilothouse_common.contract.topology import INGEST_EVENTS, INGEST_SAMPLES, Queue
from pilothouse_common.store.records import Records
from pilothouse_common.store.samples.port import SampleStore

from tests.support.api import Api, Gateway, serving
from tests.support.samples import NOW, a_body, a_line

LINES = f"{a_line()}\n{a_line(value=2, time=NOW + 10)}\n".encode()


def published(gateway: Gateway, queue: Queue) -> list[Message]:
    consumer = gateway.broker.consumer(queue, prefetch=1000)
    found = []
    while (delivery := consumer.receive(0)) is not None:
        consumer.settle([delivery], Disposition.ACK)
        found.append(delivery.message)
    consumer.close()
    return found


def an_event(**changes: Any) -> dict[str, Any]:
    return {**EXAMPLE, **changes}


def post_events(api: Api, body: Any, kind: str = BATCH, **headers: str) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return api.post("/v1/events", content=content, headers={"Content-Type": kind, **headers})


def test_an_event_is_published_as_it_was_told(gateway: Gateway, api: Api) -> None:
    answer = post_events(api, EXAMPLE, f"{SINGLE}; charset=utf-8")

    (message,) = published(gateway, INGEST_EVENTS)
    event = decode_event(message.body)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1})
    assert message.routing_key == "job.started"
    assert (event.id, event.data.subject) == (EXAMPLE["id"], "alpha/jobs/4711")


def test_a_batch_is_published_in_its_order(gateway: Gateway, api: Api) -> None:
    body = json.dumps([an_event(id=f"e{i}") for i in range(10)]).encode()

    answer = post_events(api, gzip.compress(body), **{"Content-Encoding": "gzip"})

    assert (answer.status_code, answer.json()["accepted"]) == (202, 10)
    ids = [message.message_id for message in published(gateway, INGEST_EVENTS)]
    assert ids == [f"e{i}" for i in range(10)]


@pytest.mark.parametrize(
    "bad",
    [
        an_event(type="job.exploded"),
        an_event(specversion="0.3"),
        an_event(time="yesterday"),
        an_event(time="2026-11-20T12:00:00"),
        an_event(id="é" * 200),
        an_event(data={"cluster": "alpha", "job_id": 0, "start_time": "2026-11-20T12:00:00Z"}),
        an_event(data={"cluster": "a.b", "job_id": 1, "start_time": "2026-11-20T12:00:00Z"}),
        an_event(
            data={
                "cluster": "alpha",
                "job_id": 1,
                "name": "a\x00",
                "start_time": "2026-11-20T12:00:00Z",
            }
        ),
        {},
        None,
        7,
    ],
)
def test_one_bad_event_refuses_the_batch_and_is_named(
    gateway: Gateway, api: Api, bad: object
) -> None:
    answer = post_events(api, [an_event(), bad, an_event(id="other")])

    assert answer.status_code == 422
    assert "event [1]" in answer.json()["detail"]
    assert published(gateway, INGEST_EVENTS) == []


@pytest.mark.parametrize("body", [b"", b"{", b"nonsense", b"[" * 100_000, b"\xff\xfe", b"{}"])
def test_what_is_no_batch_is_refused(api: Api, body: bytes) -> None:
    assert post_events(api, body).status_code == 422


def test_an_empty_batch_is_nothing(gateway: Gateway, api: Api) -> None:
    assert post_events(api, []).json() == {"accepted": 0}


@pytest.mark.parametrize(
    ("restriction", "status"),
    [
        ({"cluster": "alpha"}, 202),
        ({"cluster": "beta"}, 403),
        ({"job_id": 4711}, 202),
        ({"job_id": 1}, 403),
        ({"user": "alice"}, 202),
        ({"user": "bob"}, 403),
        ({"account": "chem"}, 403),
        ({"run_id": "r"}, 403),
    ],
)
def test_a_restricted_token_tells_of_its_own_only(
    gateway: Gateway, client: TestClient, restriction: dict[str, Any], status: int
) -> None:
    hook = Api(client, gateway.token("hook", ["events:write"], **restriction))

    assert post_events(hook, EXAMPLE, SINGLE).status_code == status
    assert len(published(gateway, INGEST_EVENTS)) == (1 if status == 202 else 0)


def post_samples(api: Api, content: bytes, query: str = "", **headers: str) -> Any:
    kind = {"Content-Type": "text/plain; charset=utf-8", **headers}
    return api.post(f"/v1/samples{query}", content=content, headers=kind)


def test_packed_samples_are_published_as_they_came(gateway: Gateway, api: Api) -> None:
    body = a_body(a_line()) + a_body(a_line(value=2, time=NOW + 10))

    answer = post_samples(api, body, "?cluster=alex&hostname=n1", **{"Content-Encoding": "gzip"})

    (message,) = published(gateway, INGEST_SAMPLES)
    assert answer.status_code == 202
    assert (message.routing_key, message.body) == ("alex.n1", body)


@pytest.mark.parametrize("end", [b"\n", b""])
def test_plain_samples_are_packed_and_end_with_a_newline(
    gateway: Gateway, api: Api, end: bytes
) -> None:
    answer = post_samples(api, LINES.rstrip() + end)

    (message,) = published(gateway, INGEST_SAMPLES)
    assert answer.status_code == 202
    assert message.routing_key == "alex.node01"
    assert decompress(message.body) == LINES


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"", {}),
        (b"# only a comment\n", {}),
        (b"nonsense\n", {}),
        (b"\xff\xfe\n", {}),
        (b"cpu_load value=1 1760000000\n", {}),
        (LINES, {"Content-Encoding": "gzip"}),
        (gzip.compress(LINES)[:-9], {"Content-Encoding": "gzip"}),
        (gzip.compress(LINES) + b"tail", {"Content-Encoding": "gzip"}),
    ],
)
def test_what_is_no_line_protocol_is_refused(
    gateway: Gateway, api: Api, content: bytes, headers: dict[str, str]
) -> None:
    answer = post_samples(api, content, **headers)

    assert answer.status_code == 422
    assert answer.json()["detail"]
    assert published(gateway, INGEST_SAMPLES) == []


@pytest.mark.parametrize(
    "query", ["?cluster=a.b", "?cluster=%23", "?hostname=%2a", "?hostname=a%20b"]
)
def test_a_name_that_is_no_routing_key_is_refused(api: Api, query: str) -> None:
    assert post_samples(api, LINES, query).status_code == 422


def test_a_foreign_line_does_not_hide_behind_the_first(
    gateway: Gateway, client: TestClient
) -> None:
    agent = Api(client, gateway.token("agent", ["samples:write"], cluster="alex"))
    foreign = LINES + a_line(cluster="beta").encode() + b"\n"

    answers = [
        post_samples(agent, LINES),
        post_samples(agent, foreign),
        post_samples(agent, LINES, "?cluster=beta"),
        post_samples(agent, a_line(cluster="beta").encode()),
    ]

    assert [answer.status_code for answer in answers] == [202, 403, 403, 403]
    assert "line 3" in answers[1].json()["detail"]
    assert len(published(gateway, INGEST_SAMPLES)) == 1


def test_a_token_of_one_job_sends_its_samples_only(gateway: Gateway, client: TestClient) -> None:
    inside = Api(client, gateway.token("alice", ["samples:write"], job_id=7))

    lines = (a_line(jobid="7"), a_line(jobid="8"), a_line())
    answers = [post_samples(inside, line.encode()) for line in lines]

    assert [answer.status_code for answer in answers] == [202, 403, 403]


def test_other_content_is_refused(api: Api) -> None:
    json_kind = {"Content-Type": "application/json"}

    assert api.post("/v1/events", content=b"[]", headers=json_kind).status_code == 415
    assert api.post("/v1/samples", content=LINES, headers=json_kind).status_code == 415
    assert post_samples(api, LINES, **{"Content-Encoding": "zstd"}).status_code == 415


@pytest.fixture
def small(sqlite_records: Records, sample_store: SampleStore) -> Gateway:
    """A gateway that takes little."""
    return Gateway(sqlite_records, sample_store, body_limit_bytes=2048, unpacked_limit_bytes=10_000)


def in_parts(content: bytes) -> Sequence[bytes]:
    return [content[i : i + 500] for i in range(0, len(content), 500)]


def test_too_much_is_413_however_it_is_sent(small: Gateway) -> None:
    bomb = gzip.compress(b"# zeros\n" * 100_000)
    with serving(small) as client:
        api = Api(client, small.token())

        answers = [
            post_samples(api, LINES * 100),
            api.post("/v1/samples", content=iter(in_parts(LINES * 100))),
            post_samples(api, bomb, **{"Content-Encoding": "gzip"}),
            post_events(api, bomb, **{"Content-Encoding": "gzip"}),
            api.post("/v1/tokens", json={"name": "n" * 3000}),
        ]

    assert len(bomb) < 2048
    assert [answer.status_code for answer in answers] == [413] * 5
    assert all(answer.json()["status"] == 413 for answer in answers)


def test_without_the_broker_the_sender_is_asked_to_come_again(gateway: Gateway, api: Api) -> None:
    gateway.broker.close()

    answers = [post_events(api, EXAMPLE, SINGLE), post_samples(api, LINES)]

    assert [answer.status_code for answer in answers] == [503, 503]
    assert all(answer.headers["Retry-After"] for answer in answers)
