"""Garbage straight into RabbitMQ: each message ends as a dead letter with its reason, the rest arrives."""

import base64
import gzip
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from pilothouse_common.broker.port import ORIGIN_HEADER, REASON_HEADER
from pilothouse_common.broker.rabbitmq import RabbitBroker
from pilothouse_common.contract.events import JobStarted, encode_event, event_message, new_event
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.samples import Sample, SampleEncoder
from pilothouse_common.contract.topology import DEAD_LETTERS, Exchange

from tests.support.process import eventually
from tests.support.stack import CLUSTER, Stack

START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
STARTED = encode_event(
    new_event(JobStarted(cluster=CLUSTER, job_id=5, start_time=START), source="/x")
)
BAD_EVENTS = (
    b"",
    b"{",
    b'{"specversion":"1.0"}',
    b"[1,2,3]",
    b"\x00" * 100,
    STARTED.replace(b"job.started", b"job.exploded"),
    STARTED.replace(b'"job_id":5', b'"job_id":-5'),
    STARTED.replace(b'"job_id":5', b'"job_id":6,"name":"a\\u0000b"'),
)
BAD_SAMPLES = (
    b"",
    b"not gzip at all",
    gzip.compress(b"cpu_load,cluster=alpha value=1 1\n" * 50)[:-9],
    gzip.compress(b"\xff\xfe\x00 binary"),
    gzip.compress(b"cpu_load,cluster=alpha,hostname=n1,type=node value=oops 1700000000\n"),
    gzip.compress(f"cpu_load,cluster=alpha,hostname=n1,type=node value=1 {2**40}\n".encode()),
)
GOOD = 40


def good(number: int) -> list[Message]:
    encoder = SampleEncoder(CLUSTER, "n1")
    sample = encoder.message([Sample("cpu_load", float(number))], int(START.timestamp()) + number)
    assert sample is not None
    data = JobStarted(cluster=CLUSTER, job_id=1000 + number, start_time=START, user="ada")
    return [sample, event_message(new_event(data, source="/good", event_id=str(number)))]


def bad() -> list[Message]:
    events = [
        Message(Exchange.EVENTS, "job.started", body, "application/json") for body in BAD_EVENTS
    ]
    samples = [
        Message(Exchange.SAMPLES, f"{CLUSTER}.n1", b, "text/plain", "gzip") for b in BAD_SAMPLES
    ]
    return [*events, *samples]


def publish(stack: Stack, messages: list[Message]) -> None:
    broker = RabbitBroker(stack.broker_url)
    publisher = broker.publisher()
    for message in messages:
        publisher.publish([message])
    broker.close()


def dead_letters(stack: Stack) -> list[tuple[bytes, str, str]]:
    """Return (body, reason, origin) of every dead letter, leaving them where they are."""
    vhost = urlsplit(stack.broker_url).path[1:]
    found = stack.rabbitmq.manage(
        "POST",
        f"/api/queues/{vhost}/{DEAD_LETTERS.name}/get",
        {"count": 1000, "ackmode": "ack_requeue_true", "encoding": "base64"},
    )
    assert isinstance(found, list)
    return [
        (
            base64.b64decode(m["payload"]),
            m["properties"]["headers"].get(REASON_HEADER, ""),
            m["properties"]["headers"].get(ORIGIN_HEADER, ""),
        )
        for m in found
    ]


def test_every_bad_message_is_a_dead_letter_with_its_reason_and_the_rest_arrives(stack):
    client = stack.start_core()
    wrong = bad()
    messages = [
        m for number in range(1, GOOD + 1) for m in (*good(number), *wrong[number - 1 : number])
    ]

    publish(stack, messages)

    eventually(lambda: len(client.every("/v1/jobs", limit=100)) == GOOD, within=30)
    eventually(lambda: stored_values(client) == [float(n) for n in range(1, GOOD + 1)], within=30)
    letters = eventually(lambda: all_letters(stack, len(wrong)), within=30)
    assert sorted(body for body, _, _ in letters) == sorted(m.body for m in wrong)
    assert all(len(reason) > 10 for _, reason, _ in letters), letters
    assert {origin for _, _, origin in letters} == {Exchange.SAMPLES.value, Exchange.EVENTS.value}


def stored_values(client) -> list[float]:
    answer = client.get(
        "/v1/nodes/n1/series", cluster=CLUSTER, metrics="cpu_load", resolution_seconds=1,
        start=START.isoformat(), end=(START + timedelta(minutes=5)).isoformat(),
    )  # fmt: skip
    return sorted(v for s in answer["items"] for v in s["values"])


def all_letters(stack: Stack, count: int) -> list[tuple[bytes, str, str]]:
    letters = dead_letters(stack)
    return letters if len(letters) >= count else []


def test_an_operator_lists_dead_letters_with_their_reasons(stack):
    stack.start_core()
    publish(stack, [Message(Exchange.EVENTS, "job.started", b"{broken", "application/json")])

    def listed() -> str:
        done = subprocess.run(
            [sys.executable, "-m", "pilothouse_sender", "dead", "list"],
            env={**stack.environment, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout if "CloudEvents" in done.stdout else ""

    assert "pilothouse.events" in eventually(listed, within=20)
