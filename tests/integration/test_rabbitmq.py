"""What only a real RabbitMQ can show: it is killed, blocks, closes connections, refuses, is slow."""

import logging
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pika
import pytest
from pilothouse_common.broker.port import Disposition, Publisher
from pilothouse_common.broker.rabbitmq import RabbitBroker
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.topology import (
    DEAD_LETTERS,
    INGEST_EVENTS,
    INGEST_SAMPLES,
    Exchange,
)
from pilothouse_common.errors import BrokerUnavailable

from tests.support.brokers import an_event, bodies, receive, some_events
from tests.support.process import eventually
from tests.support.rabbitmq import RabbitServer

Make = Callable[..., RabbitBroker]


@pytest.fixture
def make(rabbitmq_url: str) -> Iterator[Make]:
    made: list[RabbitBroker] = []

    def make(query: str = "", **options: float) -> RabbitBroker:
        broker = RabbitBroker(rabbitmq_url + query, **options)  # type: ignore[arg-type]
        made.append(broker)
        return broker

    yield make
    for broker in made:
        broker.close()


def published(publisher: Publisher, message: Message) -> bool:
    publisher.publish([message])
    return True


def test_nothing_that_was_confirmed_is_lost_when_the_broker_is_killed(
    rabbitmq: RabbitServer, make: Make
):
    broker = make(timeout_seconds=2)
    confirmed: list[int] = []
    failures: list[int] = []
    stop = threading.Event()
    next_number = iter(range(10_000_000))
    guard = threading.Lock()

    def publish() -> None:
        publisher = broker.publisher()
        while not stop.is_set():
            with guard:
                numbers = [next(next_number) for _ in range(10)]
            try:
                publisher.publish([an_event(n, size=500) for n in numbers])
            except BrokerUnavailable:
                failures.extend(numbers)
                stop.wait(0.05)
            else:
                confirmed.extend(numbers)

    threads = [threading.Thread(target=publish) for _ in range(3)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(confirmed) > 500, within=20)
    rabbitmq.kill()
    eventually(lambda: failures, within=20)
    rabbitmq.start()
    after_restart = len(confirmed)
    eventually(lambda: len(confirmed) > after_restart + 500, within=30)
    stop.set()
    for thread in threads:
        thread.join(10)

    arrived: set[int] = set()
    consumer = make().consumer(INGEST_EVENTS, prefetch=5000)
    missing = set(confirmed)
    while missing:
        delivery = consumer.receive(5)
        assert delivery is not None, f"{len(missing)} of {len(confirmed)} confirmed are lost"
        arrived.add(int(delivery.message.body.split()[1]))
        missing.discard(int(delivery.message.body.split()[1]))
        consumer.settle([delivery], Disposition.ACK)


def test_a_consumer_finds_the_broker_again_after_a_restart(rabbitmq: RabbitServer, make: Make):
    broker = make()
    consumer = broker.consumer(INGEST_EVENTS, prefetch=10)
    publisher = broker.publisher()
    publisher.publish(some_events(3))
    before = receive(consumer, 3)

    rabbitmq.kill()
    away = consumer.receive(0.3)
    consumer.settle(before[:1], Disposition.ACK)
    rabbitmq.start()

    again = receive(consumer, 3)
    consumer.settle(before, Disposition.ACK)
    consumer.settle(again, Disposition.ACK)
    eventually(lambda: published(publisher, an_event(9)), within=10)
    assert away is None
    assert bodies(again) == bodies(before)
    assert receive(consumer, 1)[0].message.body == b"event 9"


def test_a_connection_closed_by_the_broker_is_made_again_and_old_tags_are_ignored(
    rabbitmq: RabbitServer, rabbitmq_url: str, make: Make
):
    broker = make()
    consumer = broker.consumer(INGEST_EVENTS, prefetch=10)
    broker.publisher().publish(some_events(2))
    before = receive(consumer, 2)

    rabbitmq.close_connections(rabbitmq_url)
    again = receive(consumer, 2)
    consumer.settle(before, Disposition.ACK)
    consumer.settle(again, Disposition.RETRY)
    third = receive(consumer, 2)

    assert bodies(third) == [b"event 0", b"event 1"]
    assert [d.delivery_count for d in third] == [2, 2]


def test_heartbeats_go_on_while_a_handler_is_busy(make: Make):
    broker = make("?heartbeat_seconds=1")
    consumer = broker.consumer(INGEST_EVENTS, prefetch=1)
    broker.publisher().publish(some_events(2))
    (busy,) = receive(consumer, 1)

    time.sleep(5)  # several times the heartbeat: the point is that this thread does nothing
    consumer.settle([busy], Disposition.ACK)

    (following,) = receive(consumer, 1)
    assert following.message.body == b"event 1"
    assert following.delivery_count == 0


def test_a_broker_that_blocks_publishers_is_unavailable_at_once_and_comes_back(
    rabbitmq: RabbitServer, make: Make
):
    broker = make(timeout_seconds=20)
    publisher = broker.publisher()
    publisher.publish(some_events(1))
    broker.check()

    rabbitmq.control("set_vm_memory_high_watermark", "absolute", "1MB")
    try:
        start = time.monotonic()
        with pytest.raises(BrokerUnavailable, match="takes no messages now"):
            eventually_blocked(publisher.publish)
        first_failure = time.monotonic() - start
        start = time.monotonic()
        with pytest.raises(BrokerUnavailable, match="takes no messages now"):
            publisher.publish(some_events(1))
        second_failure = time.monotonic() - start
    finally:
        rabbitmq.control("set_vm_memory_high_watermark", "absolute", "2GiB")

    eventually(lambda: published(publisher, an_event(0)), within=20)
    assert first_failure < 15
    assert second_failure < 1


def eventually_blocked(publish: Callable[[list[Message]], None]) -> None:
    """The alarm takes effect within a moment of being set."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        publish(some_events(1))


def test_a_stopped_broker_is_unavailable_within_the_limit(rabbitmq: RabbitServer, make: Make):
    broker = make(timeout_seconds=1)
    publisher = broker.publisher()
    publisher.publish(some_events(1))

    rabbitmq.kill()
    try:
        start = time.monotonic()
        with pytest.raises(BrokerUnavailable):
            publisher.publish(some_events(1))
        with pytest.raises(BrokerUnavailable):
            broker.check()
        waited = time.monotonic() - start
    finally:
        rabbitmq.start()

    broker.check()
    publisher.publish(some_events(1))
    assert waited < 3


def test_a_check_of_a_broker_that_is_not_there_fails_at_once():
    broker = RabbitBroker("amqp://u:p@127.0.0.1:1/", timeout_seconds=30)
    start = time.monotonic()

    with pytest.raises(BrokerUnavailable, match="refused"):
        broker.check()

    assert time.monotonic() - start < 5
    broker.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("guest:guest@", "guest:geheim@"), "user name or the password"),
        (("/test-", "/no-such-vhost-"), "virtual host"),
    ],
)
def test_a_wrong_password_or_vhost_is_said_without_the_secret(
    rabbitmq_url: str, change: tuple[str, str], words: str, caplog: pytest.LogCaptureFixture
):
    if change[0] not in rabbitmq_url:
        pytest.skip("the given server has other credentials or vhosts")
    caplog.set_level(logging.INFO, "pilothouse_common")
    broker = RabbitBroker(rabbitmq_url.replace(*change))

    with pytest.raises(BrokerUnavailable, match=words) as caught:
        broker.publisher().publish(some_events(1))

    broker.close()
    ours = [str(vars(r)) for r in caplog.records if r.name.startswith("pilothouse")]
    assert "geheim" not in str(caught.value) + "".join(ours)


def test_a_queue_that_exists_with_other_properties_is_told_to_the_consumer(make: Make):
    make().publisher().publish(some_events(1))
    other = replace(INGEST_EVENTS, delivery_limit=3)

    with pytest.raises(BrokerUnavailable, match=r"pilothouse\.ingest\.events.*inequivalent"):
        make().consumer(other, prefetch=1).receive(10)


def delete_queue(rabbitmq: RabbitServer, url: str) -> None:
    vhost = url.rsplit("/", 1)[1]
    rabbitmq.manage("DELETE", f"/api/queues/{vhost}/{INGEST_EVENTS.name}")


def test_a_deleted_queue_is_made_again_by_its_idle_consumer(
    rabbitmq: RabbitServer, rabbitmq_url: str, make: Make
):
    consumer = make(idle_check_seconds=0.2).consumer(INGEST_EVENTS, prefetch=5)
    assert consumer.receive(0.5) is None
    delete_queue(rabbitmq, rabbitmq_url)

    def is_there_again() -> bool:
        assert consumer.receive(0.1) is None
        path = f"/api/queues/{rabbitmq_url.rsplit('/', 1)[1]}/{INGEST_EVENTS.name}"
        return bool(rabbitmq.manage("GET", path))

    eventually(is_there_again, within=10)
    make().publisher().publish(some_events(1))
    assert receive(consumer, 1)[0].message.body == b"event 0"


def test_a_deleted_queue_is_made_again_by_a_publisher_that_misses_it(
    rabbitmq: RabbitServer, rabbitmq_url: str, make: Make
):
    broker = make()
    publisher = broker.publisher()
    publisher.publish(some_events(1))
    delete_queue(rabbitmq, rabbitmq_url)

    with pytest.raises(BrokerUnavailable, match="no queue is bound"):
        publisher.publish(some_events(1))

    eventually(lambda: published(publisher, an_event(5)), within=10)
    consumer = broker.consumer(INGEST_EVENTS, prefetch=5)
    assert receive(consumer, 1)[0].message.body == b"event 5"


def test_a_user_that_may_not_declare_may_still_publish_and_consume(
    rabbitmq: RabbitServer, rabbitmq_url: str, make: Make
):
    make().publisher().publish(some_events(1))
    vhost = rabbitmq_url.rsplit("/", 1)[1]
    rabbitmq.manage("PUT", "/api/users/narrow", {"password": "narrow", "tags": ""})
    rabbitmq.manage(
        "PUT",
        f"/api/permissions/{vhost}/narrow",
        {"configure": "^$", "write": "pilothouse.*", "read": "pilothouse.*"},
    )
    broker = RabbitBroker(rabbitmq_url.replace("guest:guest", "narrow:narrow"))

    broker.publisher().publish([an_event(1)])
    got = receive(broker.consumer(INGEST_EVENTS, prefetch=5), 2)

    broker.close()
    rabbitmq.manage("DELETE", "/api/users/narrow")
    assert bodies(got) == [b"event 0", b"event 1"]


def test_a_message_put_into_a_queue_past_our_exchanges_is_delivered(
    rabbitmq: RabbitServer, rabbitmq_url: str, make: Make
):
    consumer = make().consumer(INGEST_SAMPLES, prefetch=5)
    assert consumer.receive(0.5) is None
    vhost = rabbitmq_url.rsplit("/", 1)[1]

    rabbitmq.manage(
        "POST",
        f"/api/exchanges/{vhost}/amq.default/publish",
        {
            "routing_key": INGEST_SAMPLES.name,
            "payload": "garbage",
            "payload_encoding": "string",
            "properties": {"content_type": "ä" * 100, "headers": {"x-delivery-count": "many"}},
        },
    )

    (got,) = receive(consumer, 1)
    assert got.message.exchange is Exchange.SAMPLES
    assert got.message.body == b"garbage"
    assert got.delivery_count == 0


def test_a_large_batch_of_large_messages_goes_through_the_window(make: Make):
    broker = make(timeout_seconds=60, window=50)
    sent = [Message(Exchange.SAMPLES, "c.n1", bytes([n % 256]) * 64_000, "x") for n in range(400)]

    broker.publisher().publish(sent)

    consumer = broker.consumer(INGEST_SAMPLES, prefetch=500)
    assert bodies(receive(consumer, 400)) == [m.body for m in sent]


def test_tls_is_used_and_verified(rabbitmq: RabbitServer, rabbitmq_url: str):
    secure = rabbitmq_url.replace("amqp:", "amqps:").replace(
        f":{rabbitmq.port}", f":{rabbitmq.tls_port}"
    )
    trusting = RabbitBroker(f"{secure}?ca={rabbitmq.certificate}")
    doubting = RabbitBroker(secure)

    trusting.publisher().publish(some_events(1))
    got = receive(trusting.consumer(INGEST_EVENTS, prefetch=1), 1)
    with pytest.raises(BrokerUnavailable, match=r"(?i)certificate"):
        doubting.publisher().publish(some_events(1))

    assert got[0].message == an_event(0)
    trusting.close()
    doubting.close()


class FarFuture(pika.BasicProperties):
    """Encodes the bytes ``year`` as a timestamp beyond year 9999, which pika itself cannot read."""

    def encode(self) -> list[bytes]:
        whole = b"".join(super().encode())
        return [whole.replace(b"x\0\0\0\x04year", b"T" + struct.pack(">Q", 1 << 62))]


def test_what_other_clients_write_into_properties_stops_nothing(rabbitmq_url: str, make: Make):
    make().publisher().publish([an_event(0)])
    foreign = pika.BlockingConnection(pika.URLParameters(rabbitmq_url))
    channel = foreign.channel()
    odd: list[tuple[Any, dict[Any, Any], Any]] = [
        ("job.started", {"when": b"year"}, "text/plain"),
        ("job.started", {"x-delivery-count": "many"}, "text/plain"),
        ("job.started", {"deep": {"deep": {"deep": [1, None, True, -(2**40)]}}}, ""),
        (b"\xff" * 200, {"bytes": b"\xff"}, b"\xff" * 200),
    ]
    for key, headers, content_type in odd:
        properties = FarFuture(headers=headers, content_type=content_type)
        channel.basic_publish(Exchange.EVENTS, key, b"odd", properties)
    foreign.close()

    broker = make()
    consumer = broker.consumer(INGEST_EVENTS, prefetch=10)
    got = receive(consumer, 5)
    consumer.settle(got, Disposition.DEAD_LETTER, "odd")

    dead = receive(broker.consumer(DEAD_LETTERS, prefetch=10), 5)
    assert bodies(got) == [b"event 0", *[b"odd"] * 4]
    assert {d.delivery_count for d in got} == {0}
    assert bodies(dead) == bodies(got)
