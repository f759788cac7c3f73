"""Both brokers behind one fixture, and words for tests that speak to a broker."""

from collections.abc import Callable, Iterator

import pytest
from pilothouse_common.broker.memory import MemoryBroker
from pilothouse_common.broker.port import Broker, Consumer, Delivery
from pilothouse_common.broker.rabbitmq import RabbitBroker
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.topology import DURABLE_QUEUES, Exchange, Queue

SECONDS = 10.0

MakeBroker = Callable[..., Broker]


@pytest.fixture(params=["memory", "rabbitmq"])
def make_broker(request: pytest.FixtureRequest) -> Iterator[MakeBroker]:
    url = request.getfixturevalue("rabbitmq_url") if request.param == "rabbitmq" else ""
    made: list[Broker] = []
    shared: list[MemoryBroker] = []

    def make(*more: Queue) -> Broker:
        topology = (*DURABLE_QUEUES, *more)
        if request.param == "memory":
            broker: Broker = shared[0] if shared else MemoryBroker(topology=topology)
            shared[:] = [broker]  # type: ignore[list-item]  # the one that the processes share
        else:
            broker = RabbitBroker(url, topology=topology, timeout_seconds=SECONDS)
        made.append(broker)
        return broker

    yield make
    for broker in made:
        broker.close()


@pytest.fixture
def broker(make_broker: MakeBroker) -> Broker:
    return make_broker()


def an_event(number: int = 0, key: str = "job.started", size: int = 0) -> Message:
    body = f"event {number}".encode().ljust(size)
    return Message(Exchange.EVENTS, key, body, "application/json", message_id=f"id-{number}")


def some_events(count: int) -> list[Message]:
    return [an_event(number) for number in range(count)]


def receive(consumer: Consumer, count: int) -> list[Delivery]:
    out: list[Delivery] = []
    while len(out) < count:
        delivery = consumer.receive(SECONDS)
        assert delivery is not None, f"{len(out)} of {count} deliveries"
        out.append(delivery)
    return out


def bodies(deliveries: list[Delivery]) -> list[bytes]:
    return [d.message.body for d in deliveries]
