"""What every Broker promises (broker/port.py), held against the in-process one and a real RabbitMQ."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from pilothouse_common.broker.port import (
    ORIGIN_HEADER,
    REASON_HEADER,
    Broker,
    Disposition,
)
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.topology import (
    DEAD_LETTERS,
    INGEST_EVENTS,
    INGEST_SAMPLES,
    Exchange,
    Queue,
    live_view,
)
from pilothouse_common.errors import BrokerUnavailable, Unroutable

from tests.support.brokers import MakeBroker, an_event, bodies, receive, some_events

A_MOMENT = 0.3


def test_a_message_arrives_as_it_was_published(broker: Broker):
    sent = Message(
        Exchange.SAMPLES, "c.n1", b"\x00\xff" * 5000, "text/plain; charset=utf-8", "gzip", "id-1"
    )

    broker.publisher().publish([sent])

    (got,) = receive(broker.consumer(INGEST_SAMPLES, prefetch=10), 1)
    assert got.message == sent
    assert got.delivery_count == 0
    assert dict(got.headers) == {}


def test_messages_of_one_publisher_arrive_in_order(broker: Broker):
    sent = some_events(700)

    broker.publisher().publish(sent[:600])
    broker.publisher().publish(sent[600:])

    got = receive(broker.consumer(INGEST_EVENTS, prefetch=1000), 700)
    assert [d.message for d in got] == sent


def test_publishing_nothing_is_done_at_once(broker: Broker):
    broker.publisher().publish([])


def test_what_was_acknowledged_does_not_come_again(make_broker: MakeBroker):
    broker = make_broker()
    broker.publisher().publish(some_events(10))
    consumer = broker.consumer(INGEST_EVENTS, prefetch=20)
    got = receive(consumer, 10)

    consumer.settle(got[:4], Disposition.ACK)
    consumer.settle([got[9], got[6], got[7]], Disposition.ACK)
    consumer.close()

    again = receive(make_broker().consumer(INGEST_EVENTS, prefetch=20), 3)
    assert bodies(again) == [b"event 4", b"event 5", b"event 8"]


def test_settling_twice_is_harmless(broker: Broker):
    broker.publisher().publish(some_events(2))
    consumer = broker.consumer(INGEST_EVENTS, prefetch=1)
    (first,) = receive(consumer, 1)

    consumer.settle([first], Disposition.ACK)
    consumer.settle([first], Disposition.ACK)
    consumer.settle([first], Disposition.RETRY)

    (second,) = receive(consumer, 1)
    assert second.message.body == b"event 1"


def test_a_retry_comes_again_and_is_counted(broker: Broker):
    broker.publisher().publish(some_events(1))
    consumer = broker.consumer(INGEST_EVENTS, prefetch=5)
    (first,) = receive(consumer, 1)

    consumer.settle([first], Disposition.RETRY)

    (again,) = receive(consumer, 1)
    assert again.message == first.message
    assert again.delivery_count == 1
    assert again.tag != first.tag


@pytest.mark.parametrize("limit", [1, 3])
def test_after_the_delivery_limit_a_message_is_dead_lettered(make_broker: MakeBroker, limit: int):
    queue = Queue("test.limited", Exchange.COMMANDS, delivery_limit=limit)
    broker = make_broker(queue)
    poison = Message(Exchange.COMMANDS, "run.7.cancel", b"poison", "application/json", "", "p1")
    broker.publisher().publish([poison])
    consumer = broker.consumer(queue, prefetch=5)

    counts = []
    for _ in range(limit):
        (delivery,) = receive(consumer, 1)
        counts.append(delivery.delivery_count)
        consumer.settle([delivery], Disposition.RETRY)

    (dead,) = receive(broker.consumer(DEAD_LETTERS, prefetch=5), 1)
    assert counts == list(range(limit))
    assert consumer.receive(A_MOMENT) is None
    assert dead.message == replace(poison, exchange=Exchange.DEAD)
    assert dead.headers[ORIGIN_HEADER] == "pilothouse.commands"
    assert "never settled" in dead.headers[REASON_HEADER]


def test_a_dead_letter_keeps_the_message_its_reason_and_its_origin(broker: Broker):
    sent = some_events(3)
    broker.publisher().publish(sent)
    consumer = broker.consumer(INGEST_EVENTS, prefetch=1)
    (bad,) = receive(consumer, 1)

    consumer.settle([bad], Disposition.DEAD_LETTER, "field 'job_id': expected int, got 'ä'")

    (next_one,) = receive(consumer, 1)
    (dead,) = receive(broker.consumer(DEAD_LETTERS, prefetch=5), 1)
    assert next_one.message == sent[1]
    assert dead.message == replace(sent[0], exchange=Exchange.DEAD)
    assert dict(dead.headers) == {
        REASON_HEADER: "field 'job_id': expected int, got 'ä'",
        ORIGIN_HEADER: "pilothouse.events",
    }


def test_a_dead_letter_given_just_before_closing_is_not_lost(make_broker: MakeBroker):
    broker = make_broker()
    broker.publisher().publish(some_events(20))
    consumer = broker.consumer(INGEST_EVENTS, prefetch=20)
    got = receive(consumer, 20)

    consumer.settle(got, Disposition.DEAD_LETTER, "no good")
    consumer.close()

    other = make_broker()
    dead = receive(other.consumer(DEAD_LETTERS, prefetch=50), 20)
    assert sorted(bodies(dead)) == sorted(bodies(got))
    assert other.consumer(INGEST_EVENTS, prefetch=1).receive(A_MOMENT) is None


def test_a_dead_letter_without_a_reason_is_refused(broker: Broker):
    broker.publisher().publish(some_events(1))
    consumer = broker.consumer(INGEST_EVENTS, prefetch=1)
    got = receive(consumer, 1)

    with pytest.raises(ValueError, match="reason"):
        consumer.settle(got, Disposition.DEAD_LETTER)


def test_looking_at_dead_letters_again_and_again_does_not_lose_them(broker: Broker):
    broker.publisher().publish(some_events(1))
    consumer = broker.consumer(INGEST_EVENTS, prefetch=1)
    consumer.settle(receive(consumer, 1), Disposition.DEAD_LETTER, "bad")
    dead = broker.consumer(DEAD_LETTERS, prefetch=1)

    for _ in range(30):
        dead.settle(receive(dead, 1), Disposition.RETRY)

    (still,) = receive(dead, 1)
    assert still.headers[REASON_HEADER] == "bad"


def test_no_more_than_the_prefetch_is_delivered_unsettled(broker: Broker):
    broker.publisher().publish(some_events(5))
    consumer = broker.consumer(INGEST_EVENTS, prefetch=2)
    first = receive(consumer, 2)

    beyond = consumer.receive(A_MOMENT)
    consumer.settle(first[:1], Disposition.ACK)
    (third,) = receive(consumer, 1)

    assert beyond is None
    assert third.message.body == b"event 2"


def test_receive_returns_none_when_the_time_is_over(broker: Broker):
    assert broker.consumer(INGEST_EVENTS, prefetch=1).receive(0.05) is None


def test_consumers_of_one_queue_share_its_messages(broker: Broker):
    consumers = [broker.consumer(INGEST_EVENTS, prefetch=1) for _ in range(2)]
    for consumer in consumers:
        assert consumer.receive(0.5) is None
    broker.publisher().publish(some_events(2))

    got = [receive(consumer, 1)[0] for consumer in consumers]

    assert sorted(bodies(got)) == [b"event 0", b"event 1"]


def test_what_a_lost_consumer_had_is_delivered_to_another(make_broker: MakeBroker):
    make_broker().publisher().publish(some_events(3))
    lost = make_broker().consumer(INGEST_EVENTS, prefetch=2)
    had = receive(lost, 2)

    lost.close()

    got = receive(make_broker().consumer(INGEST_EVENTS, prefetch=5), 3)
    assert bodies(got) == [b"event 0", b"event 1", b"event 2"]
    assert [d.delivery_count for d in got] == [1, 1, 0]
    lost.settle(had, Disposition.ACK)


def test_only_one_consumer_is_active_where_the_queue_says_so(make_broker: MakeBroker):
    queue = Queue("test.single", Exchange.COMMANDS, single_active_consumer=True)
    broker = make_broker(queue)
    first = broker.consumer(queue, prefetch=1)
    assert first.receive(0.5) is None
    second = broker.consumer(queue, prefetch=10)
    assert second.receive(0.5) is None

    broker.publisher().publish(
        [Message(Exchange.COMMANDS, "k", str(n).encode(), "text/plain") for n in range(3)]
    )

    (got,) = receive(first, 1)
    assert got.message.body == b"0"
    assert second.receive(A_MOMENT) is None
    first.close()
    assert sorted(bodies(receive(second, 3))) == [b"0", b"1", b"2"]


def test_a_routing_key_without_queue_is_unroutable_and_the_rest_is_published(broker: Broker):
    nobody = Message(Exchange.COMMANDS, "run.1.cancel", b"x", "application/json")

    with pytest.raises(Unroutable, match=r"run\.1\.cancel"):
        broker.publisher().publish([an_event(1), nobody])

    assert bodies(receive(broker.consumer(INGEST_EVENTS, prefetch=5), 1)) == [b"event 1"]


def test_a_full_queue_refuses_and_takes_again_when_there_is_room(make_broker: MakeBroker):
    queue = Queue("test.bounded", Exchange.COMMANDS, max_length_bytes=10_000)
    broker = make_broker(queue)
    publisher = broker.publisher()
    taken = []

    def publish_one() -> None:
        publisher.publish([Message(Exchange.COMMANDS, "k", b"x" * 1000, "text/plain")])

    def fill() -> None:
        for number in range(40):
            publish_one()
            taken.append(number)

    with pytest.raises(BrokerUnavailable, match="full"):
        fill()

    consumer = broker.consumer(queue, prefetch=100)
    got = receive(consumer, len(taken))
    consumer.settle(got, Disposition.ACK)
    assert 9 <= len(taken) <= 15
    publish_one()
    assert len(receive(consumer, 1)) == 1


def test_every_queue_whose_binding_matches_gets_a_copy(broker: Broker):
    view = broker.consumer(live_view(Exchange.EVENTS, "job.*"), prefetch=10)
    assert view.receive(0.5) is None

    broker.publisher().publish([an_event(1, "job.started"), an_event(2, "node.reported")])

    assert bodies(receive(view, 1)) == [b"event 1"]
    assert view.receive(A_MOMENT) is None
    assert len(receive(broker.consumer(INGEST_EVENTS, prefetch=5), 2)) == 2


@pytest.mark.parametrize(
    ("patterns", "matching"),
    [
        (("#",), {"a", "a.b", "a.b.c", "b.a"}),
        (("a.*",), {"a.b"}),
        (("a.#",), {"a", "a.b", "a.b.c"}),
        (("*.a", "a"), {"a", "b.a"}),
        (("#.c",), {"a.b.c"}),
        (("a.*.c",), {"a.b.c"}),
    ],
)
def test_topic_patterns_match_words(broker: Broker, patterns, matching):
    view = broker.consumer(live_view(Exchange.EVENTS, *patterns), prefetch=10)
    assert view.receive(0.5) is None
    keys = ["a", "a.b", "a.b.c", "b.a"]

    broker.publisher().publish([an_event(0, key) for key in keys])

    got = {d.message.routing_key for d in receive(view, len(matching))}
    assert got == matching
    assert view.receive(0.1) is None


def test_a_temporary_queue_is_gone_with_its_consumer(broker: Broker):
    view = broker.consumer(live_view(Exchange.COMMANDS), prefetch=1)
    assert view.receive(0.5) is None
    command = Message(Exchange.COMMANDS, "run.1.cancel", b"x", "application/json")
    broker.publisher().publish([command])

    view.close()

    with pytest.raises(Unroutable):
        broker.publisher().publish([command])


def test_viewers_of_the_same_exchange_do_not_share(broker: Broker):
    views = [broker.consumer(live_view(Exchange.EVENTS), prefetch=5) for _ in range(2)]
    for view in views:
        assert view.receive(0.5) is None

    broker.publisher().publish(some_events(2))

    for view in views:
        assert bodies(receive(view, 2)) == [b"event 0", b"event 1"]


def test_dead_letters_of_a_temporary_queue_are_forgotten(broker: Broker):
    view = broker.consumer(live_view(Exchange.EVENTS), prefetch=1)
    assert view.receive(0.5) is None
    broker.publisher().publish(some_events(2))

    view.settle(receive(view, 1), Disposition.DEAD_LETTER, "cannot be shown")

    assert bodies(receive(view, 1)) == [b"event 1"]
    assert broker.consumer(DEAD_LETTERS, prefetch=1).receive(A_MOMENT) is None


def test_an_open_broker_passes_its_check_and_a_closed_one_does_not(broker: Broker):
    broker.check()

    broker.close()

    with pytest.raises(BrokerUnavailable):
        broker.check()


def test_closed_parts_say_so_and_close_twice(broker: Broker):
    publisher = broker.publisher()
    consumer = broker.consumer(INGEST_EVENTS, prefetch=1)
    for _ in range(2):
        publisher.close()
        consumer.close()

    with pytest.raises(BrokerUnavailable):
        publisher.publish(some_events(1))
    with pytest.raises(BrokerUnavailable):
        consumer.receive(0.1)


def test_publishers_may_be_used_by_many_threads(broker: Broker):
    publisher = broker.publisher()
    events = some_events(400)
    batches = [events[n : n + 20] for n in range(0, 400, 20)]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(publisher.publish, batches))

    got = receive(broker.consumer(INGEST_EVENTS, prefetch=500), 400)
    assert {d.message.message_id for d in got} == {f"id-{n}" for n in range(400)}
