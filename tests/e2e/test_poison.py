"""Garbage straight into RabbitMQ: each message ends as a dead letter with its reason, the rest arrives."""

import gzip
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pika
import pytest
from pilothouse_common.broker.port import ORIGIN_HEADER, REASON_HEADER
from pilothouse_common.contract.events import JobStarted, encode_event, new_event
from pilothouse_common.contract.samples import Sample, SampleEncoder
from pilothouse_common.contract.topology import DEAD_LETTERS, DURABLE_QUEUES, Exchange

from tests.support.process import eventually
from tests.support.stack import CLUSTER, Stack

START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
BAD_SAMPLES = (
    b"",
    b"not gzip at all",
    gzip.compress(b"cpu_load,cluster=alpha value=1 1\n" * 50)[:-9],
    gzip.compress(b"\xff\xfe\x00 binary"),
    gzip.compress(b"cpu_load,cluster=alpha,hostname=n1,type=node value=oops 1700000000\n"),
    gzip.compress(f"cpu_load,cluster=alpha,hostname=n1,type=node value=1 {2**40}\n".encode()),
)
STARTED = encode_event(
    new_event(JobStarted(cluster=CLUSTER, job_id=5, start_time=START), source="/x")
)
BAD_EVENTS = (
    b"",
    b"{",
    b'{"specversion":"1.0"}',
    b"[1,2,3]",
    b"\x00" * 100,
    json.dumps(
        {
            "specversion": "1.0",
            "id": "1",
            "source": "/x",
            "type": "job.exploded",
            "time": START.isoformat(),
            "data": {},
        }
    ).encode(),
    encode_event(
        new_event(JobStarted(cluster="alpha", job_id=5, start_time=START), source="/x")
    ).replace(b'"job_id":5', b'"job_id":-5'),
    encode_event(
        new_event(
            JobStarted(cluster="alpha", job_id=6, start_time=START, name="a\x00b"), source="/x"
        )
    ),
)


def good_samples(number: int) -> bytes:
    message = SampleEncoder(CLUSTER, "n1").message(
        [Sample("cpu_load", float(number))], int(START.timestamp()) + number
    )
    assert message is not None
    return message.body


def good_event(number: int) -> bytes:
    data = JobStarted(cluster=CLUSTER, job_id=1000 + number, start_time=START, user="ada")
    return encode_event(new_event(data, source="/good", event_id=str(number)))


def dead_letters(stack: Stack) -> list[tuple[bytes, str, str]]:
    """Return (body, reason, origin) of every dead letter, leaving them where they are."""
    connection = pika.BlockingConnection(pika.URLParameters(stack.broker_url))
    channel = connection.channel()
    found = []
    while True:
        method, properties, body = channel.basic_get(DEAD_LETTERS.name)
        if method is None:
            break
        headers = properties.headers or {}
        found.append((body, str(headers.get(REASON_HEADER)), str(headers.get(ORIGIN_HEADER))))
    connection.close()
    return found


@pytest.mark.timeout(120)
def test_every_bad_message_is_a_dead_letter_with_its_reason_and_the_rest_arrives(stack):
    client = stack.start_core()
    connection = pika.BlockingConnection(pika.URLParameters(stack.broker_url))
    channel = connection.channel()
    channel.confirm_delivery()
    for queue in DURABLE_QUEUES:
        eventually(lambda name=queue.name: channel.queue_declare(name, passive=True), within=20)

    for number in range(1, 41):
        channel.basic_publish(
            Exchange.SAMPLES, f"{CLUSTER}.n1", good_samples(number), mandatory=True
        )
        channel.basic_publish(Exchange.EVENTS, "job.started", good_event(number), mandatory=True)
        if number % 5 == 0 and (number // 5) - 1 < len(BAD_SAMPLES):
            channel.basic_publish(
                Exchange.SAMPLES, f"{CLUSTER}.n1", BAD_SAMPLES[number // 5 - 1], mandatory=True
            )
        if number % 5 == 0 and (number // 5) - 1 < len(BAD_EVENTS):
            channel.basic_publish(
                Exchange.EVENTS, "job.started", BAD_EVENTS[number // 5 - 1], mandatory=True
            )
    connection.close()

    eventually(lambda: len(client.every("/v1/jobs", limit=100)) == 40, within=30)

    def stored() -> bool:
        answer = client.get(
            "/v1/nodes/n1/series", cluster=CLUSTER, metrics="cpu_load", resolution_seconds=1,
            start=START.isoformat(), end=(START + timedelta(minutes=5)).isoformat(),
        )  # fmt: skip
        return sorted(v for s in answer["items"] for v in s["values"]) == [
            float(n) for n in range(1, 41)
        ]

    eventually(stored, within=30)
    bad = sorted([*BAD_SAMPLES, *BAD_EVENTS])
    letters = eventually(
        lambda: found if len(found := dead_letters(stack)) >= len(bad) else None, within=30
    )
    assert sorted(body for body, _, _ in letters) == bad
    assert all(len(reason) > 10 for _, reason, _ in letters), letters
    assert {origin for _, _, origin in letters} == {Exchange.SAMPLES.value, Exchange.EVENTS.value}


def test_an_operator_lists_dead_letters_with_their_reasons(stack):
    stack.start_core()
    connection = pika.BlockingConnection(pika.URLParameters(stack.broker_url))
    channel = connection.channel()
    channel.confirm_delivery()
    eventually(lambda: channel.queue_declare(DEAD_LETTERS.name, passive=True), within=20)
    channel.basic_publish(Exchange.EVENTS, "job.started", b"{broken", mandatory=True)
    connection.close()

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
