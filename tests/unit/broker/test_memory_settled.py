"""The in-process broker with ``confirm="settled"``: accepted means stored."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pilothouse_common.broker.drain import Drain
from pilothouse_common.broker.memory import MemoryBroker
from pilothouse_common.broker.port import Disposition
from pilothouse_common.broker.quarantine import Quarantine
from pilothouse_common.contract.topology import DEAD_LETTERS, INGEST_EVENTS, Exchange, live_view
from pilothouse_common.errors import BrokerUnavailable

from tests.unit.broker.carriers import Carrier, an_event


@pytest.fixture
def broker() -> Iterator[MemoryBroker]:
    broker = MemoryBroker(confirm="settled", timeout_seconds=10)
    yield broker
    broker.close()


def consume(broker: MemoryBroker, *dispositions: Disposition) -> threading.Thread:
    """Settle one delivery after the other as told."""
    consumer = broker.consumer(INGEST_EVENTS, prefetch=1)

    def work() -> None:
        for disposition in dispositions:
            delivery = consumer.receive(10)
            assert delivery is not None
            consumer.settle([delivery], disposition, "reason")

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_publish_returns_after_the_consumer_settled(broker: MemoryBroker):
    consumer = broker.consumer(INGEST_EVENTS, prefetch=5)
    returned = threading.Event()

    def publish() -> None:
        broker.publisher().publish([an_event(1), an_event(2)])
        returned.set()

    thread = threading.Thread(target=publish)
    thread.start()
    first, second = consumer.receive(5), consumer.receive(5)
    assert first is not None
    assert second is not None
    consumer.settle([first], Disposition.ACK)
    early = returned.wait(0.1)
    consumer.settle([second], Disposition.ACK)

    assert returned.wait(5)
    assert not early
    thread.join()


def test_a_retry_is_not_yet_the_end_and_a_dead_letter_is(broker: MemoryBroker):
    worker = consume(broker, Disposition.RETRY, Disposition.RETRY, Disposition.DEAD_LETTER)

    broker.publisher().publish([an_event(1)])

    worker.join(5)
    assert not worker.is_alive()


def test_a_consumer_that_goes_away_is_not_the_end(broker: MemoryBroker):
    lost = broker.consumer(INGEST_EVENTS, prefetch=1)
    publisher = threading.Thread(target=broker.publisher().publish, args=([an_event(1)],))
    publisher.start()
    assert lost.receive(5) is not None
    lost.close()
    publisher.join(0.1)
    waits = publisher.is_alive()

    consume(broker, Disposition.ACK).join(5)
    publisher.join(5)

    assert waits
    assert not publisher.is_alive()


def test_without_a_consumer_publish_is_unavailable_after_its_limit():
    broker = MemoryBroker(confirm="settled", timeout_seconds=0.1)

    with pytest.raises(BrokerUnavailable, match=r"not stored within 0\.1 s"):
        broker.publisher().publish([an_event(1)])


def test_viewers_are_not_waited_for(broker: MemoryBroker):
    broker.consumer(live_view(Exchange.EVENTS), prefetch=1)
    worker = consume(broker, Disposition.ACK)

    broker.publisher().publish([an_event(1)])

    worker.join(5)


def test_closing_the_broker_frees_those_who_wait(broker: MemoryBroker):
    threading.Timer(0.05, broker.close).start()
    start = time.monotonic()

    with pytest.raises(BrokerUnavailable, match="closed"):
        broker.publisher().publish([an_event(1)])

    assert time.monotonic() - start < 5


def test_a_dead_letter_outlives_the_process_and_can_be_delivered_again(tmp_path: Path):
    broker = MemoryBroker(confirm="settled", keep_dead_letter=Quarantine(tmp_path).keep)
    worker = consume(broker, Disposition.DEAD_LETTER)
    broker.publisher().publish([an_event(1)])
    worker.join(5)

    (reason,) = (tmp_path / "quarantine").glob("*.reason")
    (file,) = (tmp_path / "quarantine").glob("*.msg")
    (tmp_path / "events").mkdir()
    file.rename(tmp_path / "events" / file.name)
    carrier = Carrier()
    with Drain(tmp_path, carrier) as drain:
        drain.acquire()
        drain.drain()

    assert reason.read_text() == "reason\n"
    assert carrier.taken == [an_event(1)]


def test_a_dead_letter_that_cannot_be_kept_stops_nobody(tmp_path: Path):
    (tmp_path / "file").touch()
    keep = Quarantine(tmp_path / "file").keep
    broker = MemoryBroker(confirm="settled", keep_dead_letter=keep)
    worker = consume(broker, Disposition.DEAD_LETTER)

    broker.publisher().publish([an_event(1)])

    worker.join(5)
    assert broker.consumer(DEAD_LETTERS, prefetch=1).receive(1) is not None


def test_a_viewer_that_does_not_keep_up_loses_its_oldest_and_stops_nobody():
    broker = MemoryBroker(max_queue_bytes=100)
    viewer = broker.consumer(live_view(Exchange.EVENTS), prefetch=100)
    worker = broker.consumer(INGEST_EVENTS, prefetch=1)

    for number in range(100):
        broker.publisher().publish([an_event(number)])
        delivery = worker.receive(1)
        assert delivery is not None
        worker.settle([delivery], Disposition.ACK)

    first = viewer.receive(1)
    assert first is not None
    assert int(first.message.body.split()[1]) > 80
