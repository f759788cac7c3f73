"""From the broker into both stores, on the embedded parts and on real servers: one suite."""

import gzip
from collections.abc import Iterable
from datetime import UTC, datetime

from pilothouse_common.contract.events import JobFinished, JobStarted, event_message, new_event
from pilothouse_common.contract.message import EVENT_CONTENT_TYPE, SAMPLES_CONTENT_TYPE, Message
from pilothouse_common.contract.samples import samples_message
from pilothouse_common.contract.topology import INGEST_EVENTS, INGEST_SAMPLES, Exchange, Queue
from pilothouse_common.store.records.models import Job
from sqlalchemy import func, select

from tests.support.ingest import Parts, stored_points
from tests.support.process import eventually
from tests.support.samples import NOW, a_line

POINTS = 20


def a_message(number: int, *, points: int = POINTS) -> Message:
    """One node's interval: ``points`` samples; number says which node and which interval."""
    hostname = f"node{number % 50:02}"
    start = NOW + number // 50 * 1000
    lines = [a_line(value=number, time=start + i, hostname=hostname) for i in range(points)]
    return samples_message(
        f"alex.{hostname}", ("\n".join(lines) + "\n").encode(), newest_seconds=start + points
    )


def garbage(body: bytes, encoding: str = "gzip") -> Message:
    return Message(Exchange.SAMPLES, "alex.bad", body, SAMPLES_CONTENT_TYPE, encoding)


def job_events(job_id: int) -> list[Message]:
    when = datetime.fromtimestamp(NOW + job_id, UTC)
    later = datetime.fromtimestamp(NOW + job_id + 60, UTC)
    start = JobStarted(
        cluster="alex", job_id=job_id, submit_time=when, start_time=when, nodes=["node01"]
    )
    end = JobFinished(cluster="alex", job_id=job_id, submit_time=when, end_time=later, exit_code=0)
    return [
        event_message(new_event(start, source="test", event_id=f"{job_id}-start", time=when)),
        event_message(new_event(end, source="test", event_id=f"{job_id}-end", time=later)),
    ]


def publish(parts: Parts, messages: Iterable[Message]) -> None:
    publisher = parts.broker.publisher()
    publisher.publish(list(messages))
    publisher.close()


def jobs_in(parts: Parts, state: str = "COMPLETED") -> int:
    with parts.records.reading() as session:
        found = session.scalar(select(func.count()).select_from(Job).where(Job.state == state))
    return found or 0


def is_empty(parts: Parts, queue: Queue) -> bool:
    consumer = parts.broker.consumer(queue, prefetch=10)
    try:
        return consumer.receive(0.5) is None
    finally:
        consumer.close()


def counted(parts: Parts, metric: str = "cpu_load"):
    return stored_points(parts.samples, metric, start=NOW - 10, end=NOW + 10**7)


def test_every_sample_is_stored_once_and_acknowledged(parts: Parts):
    publish(parts, (a_message(n) for n in range(2000)))

    with parts.ingest():
        eventually(lambda: counted(parts)() == 2000 * POINTS, within=30)

    assert is_empty(parts, INGEST_SAMPLES)
    assert counted(parts)() == 2000 * POINTS


def test_messages_that_come_again_are_not_counted_twice(parts: Parts):
    publish(parts, [a_message(n) for n in range(300)] * 2)

    with parts.ingest(ingest_batch_messages=70):
        eventually(lambda: counted(parts)() == 300 * POINTS, within=30)
        publish(parts, [a_message(n) for n in range(300)])
        publish(parts, [a_message(1000)])
        eventually(lambda: counted(parts)() == 301 * POINTS, within=30)

    assert is_empty(parts, INGEST_SAMPLES)


def test_poison_among_thousands_is_found_with_its_reason_and_nothing_else_is_lost(parts: Parts):
    good = [a_message(n) for n in range(3000)]
    cut_off = good[0].body[:-15]
    poison = {
        "no gzip": garbage(b"hello"),
        "empty": garbage(b""),
        "cut off": garbage(cut_off),
        "broken inside": garbage(good[0].body[:30] + b"\0\0\0" + good[0].body[33:]),
        "no lines": garbage(gzip.compress(b"this is no line\n", mtime=NOW)),
        "other encoding": garbage(good[0].body, "zstd"),
        "no text": garbage(b"\xff\xfe", ""),
        "future": garbage(
            gzip.compress(b"cpu_load,hostname=x value=1 4000000000\n", mtime=4 * 10**9)
        ),
    }
    mixed = list(good)
    for index, message in enumerate(poison.values()):
        mixed.insert(37 + index * 300, message)
    publish(parts, mixed)

    with parts.ingest():
        found = parts.dead_letters(len(poison), within=60)
        eventually(lambda: counted(parts)() == 3000 * POINTS, within=30)

    reasons = {message.body: reason for message, reason in found}
    assert sorted(reasons) == sorted(message.body for message in poison.values())
    assert len(found) == len(poison)
    assert "this is no line" in reasons[poison["no lines"].body]
    assert "ahead of this clock" in reasons[poison["future"].body]
    assert "not a gzip stream" in reasons[poison["no gzip"].body]
    assert "zstd" in reasons[poison["other encoding"].body]
    assert all(reasons.values())
    assert is_empty(parts, INGEST_SAMPLES)


def test_a_message_that_ends_without_newline_does_not_eat_the_next(parts: Parts):
    lines = [a_line(value=1, hostname=f"n{number}").encode() for number in range(200)]

    with parts.ingest():
        publish(parts, [samples_message("alex.x", line) for line in lines])
        publish(parts, [garbage(line, "") for line in lines])
        publish(parts, [garbage(a_line(metric="last").encode(), "")])
        eventually(lambda: counted(parts, "last")() == 1, within=20)
        eventually(lambda: counted(parts)() == 200, within=20)

    assert is_empty(parts, INGEST_SAMPLES)


def test_events_become_jobs_whatever_their_order_and_however_often_they_come(parts: Parts):
    messages = [message for job_id in range(1, 301) for message in job_events(job_id)]

    with parts.ingest(ingest_event_messages=100):
        publish(parts, messages[::-1])
        publish(parts, messages[::3])
        eventually(lambda: jobs_in(parts) == 300, within=30)

    assert is_empty(parts, INGEST_EVENTS)
    assert jobs_in(parts) == 300


def test_bad_events_are_dead_letters_and_the_others_are_recorded(parts: Parts):
    bad = {
        b"{": "not a CloudEvents",
        b'{"specversion":"1.0","id":"1","source":"s","type":"job.teleported",'
        b'"time":"2026-01-01T00:00:00Z","data":{}}': "job.teleported",
        b'{"specversion":"1.0","id":"2","source":"s","type":"job.started",'
        b'"time":"2026-01-01T00:00:00Z","data":{"cluster":"alex","job_id":-5}}': "job.started",
        b"\xff\xfe": "not a CloudEvents",
    }
    messages = [message for job_id in range(1, 101) for message in job_events(job_id)]
    for index, body in enumerate(bad):
        poison = Message(Exchange.EVENTS, "job.started", body, EVENT_CONTENT_TYPE)
        messages.insert(20 + index * 40, poison)

    with parts.ingest():
        publish(parts, messages)
        found = parts.dead_letters(len(bad))
        eventually(lambda: jobs_in(parts) == 100, within=30)

    assert {message.body for message, _ in found} == set(bad)
    for message, reason in found:
        assert bad[message.body] in reason
    assert is_empty(parts, INGEST_EVENTS)


def test_any_number_may_work_side_by_side(parts: Parts):
    publish(parts, (a_message(n) for n in range(1500)))
    publish(parts, [m for job_id in range(1, 201) for m in job_events(job_id)])

    with (
        parts.ingest(ingest_workers=3, ingest_batch_messages=50, ingest_event_messages=10),
        parts.ingest(ingest_batch_messages=50, ingest_event_messages=10),
        parts.ingest(ingest_batch_messages=50, ingest_event_messages=10),
    ):
        eventually(lambda: counted(parts)() == 1500 * POINTS, within=30)
        eventually(lambda: jobs_in(parts) == 200, within=30)

    assert is_empty(parts, INGEST_SAMPLES)
    assert is_empty(parts, INGEST_EVENTS)


def test_it_counts_what_it_does(parts: Parts):
    with parts.ingest() as ingest:
        publish(parts, [*(a_message(n) for n in range(100)), garbage(b"x")])
        publish(parts, job_events(1))
        eventually(lambda: counted(parts)() == 100 * POINTS, within=20)
        eventually(lambda: jobs_in(parts) == 1, within=20)

        def value(name: str, queue: Queue = INGEST_SAMPLES) -> float:
            return ingest.registry.get_sample_value(name, {"queue": queue.name}) or 0.0

        eventually(lambda: value("pilothouse_ingest_messages_total") == 100, within=5)
        eventually(lambda: value("pilothouse_ingest_dead_letters_total") == 1, within=5)
        eventually(lambda: value("pilothouse_ingest_messages_total", INGEST_EVENTS) == 2, within=5)
        assert value("pilothouse_ingest_batches_total") >= 1
        assert value("pilothouse_ingest_bytes_total") == sum(
            len(a_message(n).body) for n in range(100)
        )
        assert value("pilothouse_ingest_lag_seconds") > 0
        assert value("pilothouse_ingest_write_seconds_count") >= 1
        for check in ingest.checks().values():
            check()
