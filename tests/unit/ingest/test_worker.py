"""The wrapper around handlers: what is acknowledged, what waits, what becomes a dead letter."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
from pilothouse_common.broker.memory import MemoryBroker
from pilothouse_common.broker.port import REASON_HEADER, Delivery
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.topology import DEAD_LETTERS, INGEST_EVENTS, Exchange
from pilothouse_common.errors import Malformed, Rejected, StoreUnavailable
from pilothouse_common.runtime.clock import SystemClock
from pilothouse_ingest.metrics import IngestMetrics
from pilothouse_ingest.worker import Limits, Worker
from prometheus_client import CollectorRegistry

from tests.support.process import eventually


class ListHandler:
    """Stores numbers in a list; can be away, and refuses what it is told to."""

    queue = INGEST_EVENTS

    def __init__(self) -> None:
        self.stored: list[int] = []
        self.writes: list[int] = []
        self.away = threading.Event()
        self.tried = threading.Event()
        self.rotten: set[int] = set()
        self.problem: Callable[[int], Exception | None] = lambda _: None

    def read(self, message: Message) -> int:
        if not message.body.isdigit():
            raise Malformed(f"not a number: {message.body!r}")
        return int(message.body)

    def write(self, items: Sequence[int]) -> None:
        self.writes.append(len(items))
        self.tried.set()
        if self.away.is_set():
            raise StoreUnavailable("gone fishing")
        for item in items:
            problem = self.problem(item)
            if problem is not None:
                raise problem
        self.stored += items

    def inspect(self, item: int) -> None:
        if item in self.rotten:
            raise Malformed(f"{item} is rotten inside")

    def newest(self, items: Sequence[int]) -> float:
        return max(items)

    def prepare(self) -> None:
        if self.away.is_set():
            raise StoreUnavailable("gone fishing")


@pytest.fixture
def broker() -> Iterator[MemoryBroker]:
    made = MemoryBroker()
    yield made
    made.close()


@pytest.fixture
def handler() -> ListHandler:
    return ListHandler()


@contextmanager
def working(
    handler: ListHandler,
    broker: MemoryBroker,
    *,
    messages: int = 100,
    size: int = 1 << 20,
    hold_seconds: float = 60.0,
    registry: CollectorRegistry | None = None,
) -> Iterator[None]:
    worker = Worker(
        handler,
        broker=broker,
        limits=Limits(messages, size, 0.05, hold_seconds),
        metrics=IngestMetrics(registry or CollectorRegistry()),
        clock=SystemClock(),
    )
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


def publish(broker: MemoryBroker, *bodies: object) -> None:
    messages = [
        Message(Exchange.EVENTS, "job.started", str(body).encode(), "application/json")
        for body in bodies
    ]
    broker.publisher().publish(messages)


def left_over(broker: MemoryBroker) -> list[Delivery]:
    """What a next consumer would get."""
    consumer = broker.consumer(INGEST_EVENTS, prefetch=10_000)
    found = []
    while (delivery := consumer.receive(0.05)) is not None:
        found.append(delivery)
    consumer.close()
    return found


def dead_letters(broker: MemoryBroker) -> dict[str, str]:
    consumer = broker.consumer(DEAD_LETTERS, prefetch=10_000)
    found = {}
    while (delivery := consumer.receive(0.05)) is not None:
        found[delivery.message.body.decode()] = delivery.headers[REASON_HEADER]
    consumer.close()
    return found


def test_messages_are_written_in_batches_and_acknowledged(
    broker: MemoryBroker, handler: ListHandler
):
    publish(broker, *range(250))

    with working(handler, broker):
        eventually(lambda: len(handler.stored) == 250, within=5)

    assert handler.stored == list(range(250))
    assert handler.writes == [100, 100, 50]
    assert left_over(broker) == []


def test_a_batch_is_bounded_by_bytes(broker: MemoryBroker, handler: ListHandler):
    publish(broker, *range(100, 120))

    with working(handler, broker, size=30):
        eventually(lambda: len(handler.stored) == 20, within=5)

    assert handler.writes == [10, 10]


def test_while_the_store_is_away_the_same_batch_is_kept_and_tried_again(
    broker: MemoryBroker, handler: ListHandler
):
    registry = CollectorRegistry()
    with working(handler, broker, registry=registry):
        publish(broker, 1)
        eventually(lambda: handler.stored == [1], within=5)
        handler.away.set()
        handler.tried.clear()
        publish(broker, 2, 3)
        assert handler.tried.wait(5)

        handler.away.clear()

        eventually(lambda: handler.stored == [1, 2, 3], within=5)
    assert left_over(broker) == []
    waits = registry.get_sample_value(
        "pilothouse_ingest_store_waits_total", {"queue": INGEST_EVENTS.name}
    )
    assert waits is not None
    assert waits >= 1


def test_stopping_while_the_store_is_away_acknowledges_nothing(
    broker: MemoryBroker, handler: ListHandler
):
    with working(handler, broker):
        publish(broker, 1)
        eventually(lambda: handler.stored == [1], within=5)
        handler.away.set()
        handler.tried.clear()
        publish(broker, 2, 3)
        assert handler.tried.wait(5)

    assert [delivery.message.body for delivery in left_over(broker)] == [b"2", b"3"]


def test_in_a_long_outage_the_messages_go_back_once_and_come_again(
    broker: MemoryBroker, handler: ListHandler
):
    with working(handler, broker, hold_seconds=0.0):
        publish(broker, 1)
        eventually(lambda: handler.stored == [1], within=5)
        handler.away.set()
        handler.tried.clear()
        publish(broker, 2)
        assert handler.tried.wait(5)
        waiting = eventually(lambda: left_over(broker), within=5)
        assert waiting[0].delivery_count == 1
        tries = len(handler.writes)

        handler.away.clear()

        eventually(lambda: handler.stored == [1, 2], within=10)
        assert len(handler.writes) == tries + 1


def test_the_bad_ones_among_many_become_dead_letters_with_the_store_s_words(
    broker: MemoryBroker, handler: ListHandler
):
    handler.problem = lambda n: Rejected(f"{n} is odd-looking") if n in (7, 8, 501, 999) else None
    publish(broker, *range(1000))

    with working(handler, broker, messages=1000):
        eventually(lambda: len(set(handler.stored)) == 996, within=5)

    assert dead_letters(broker) == {str(n): f"{n} is odd-looking" for n in (7, 8, 501, 999)}
    assert set(handler.stored) == set(range(1000)) - {7, 8, 501, 999}
    assert len(handler.writes) < 90
    assert left_over(broker) == []


def test_what_cannot_be_read_is_a_dead_letter_and_its_neighbours_are_stored(
    broker: MemoryBroker, handler: ListHandler
):
    registry = CollectorRegistry()
    publish(broker, 1, "one", 2, "two")

    with working(handler, broker, registry=registry):
        eventually(lambda: handler.stored == [1, 2], within=5)

    assert dead_letters(broker) == {
        "one": "not a number: b'one'",
        "two": "not a number: b'two'",
    }
    labels = {"queue": INGEST_EVENTS.name}
    assert registry.get_sample_value("pilothouse_ingest_dead_letters_total", labels) == 2
    assert registry.get_sample_value("pilothouse_ingest_messages_total", labels) == 2


def test_a_bug_costs_one_message_and_not_the_queue(
    broker: MemoryBroker, handler: ListHandler, caplog: pytest.LogCaptureFixture
):
    handler.problem = lambda n: ZeroDivisionError("oops") if n == 3 else None
    publish(broker, *range(6))

    with working(handler, broker):
        eventually(lambda: set(handler.stored) == {0, 1, 2, 4, 5}, within=5)

    assert dead_letters(broker) == {"3": "unexpected ZeroDivisionError: oops"}
    assert "handler failed" in caplog.text


def test_an_outage_in_the_middle_of_a_search_loses_no_result(
    broker: MemoryBroker, handler: ListHandler
):
    seen: list[int] = []

    def problem(number: int) -> Exception | None:
        seen.append(number)
        if len(seen) in (20, 21, 40):
            return StoreUnavailable("for a moment")
        return Rejected("bad") if number == 5 else None

    handler.problem = problem
    publish(broker, *range(16))

    with working(handler, broker, messages=16):
        eventually(lambda: set(handler.stored) == set(range(16)) - {5}, within=10)

    assert dead_letters(broker) == {"5": "bad"}


def test_a_store_that_fails_over_broken_data_does_not_hold_up_the_queue(
    broker: MemoryBroker, handler: ListHandler
):
    handler.rotten = {3, 7}
    handler.problem = lambda n: StoreUnavailable("500") if n in handler.rotten else None
    publish(broker, *range(10))

    with working(handler, broker):
        eventually(lambda: set(handler.stored) == set(range(10)) - {3, 7}, within=10)

    assert dead_letters(broker) == {"3": "3 is rotten inside", "7": "7 is rotten inside"}
    assert left_over(broker) == []
