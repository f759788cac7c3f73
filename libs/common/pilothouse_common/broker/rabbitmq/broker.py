"""The Broker over RabbitMQ: every publisher and consumer has a connection of its own."""

import threading
from collections.abc import Sequence
from typing import TypeVar
from weakref import WeakSet

from pilothouse_common.broker.port import Consumer, Publisher
from pilothouse_common.broker.rabbitmq.consumer import RabbitConsumer
from pilothouse_common.broker.rabbitmq.publisher import RabbitPublisher
from pilothouse_common.broker.rabbitmq.target import read_target
from pilothouse_common.contract.topology import DURABLE_QUEUES, Queue
from pilothouse_common.errors import BrokerUnavailable

T = TypeVar("T", RabbitPublisher, RabbitConsumer)


class RabbitBroker:
    """Makes publishers and consumers of one RabbitMQ virtual host. Connects to nothing yet.

    Args:
        url: ``amqp(s)://USER:PASSWORD@HOST:PORT/VHOST``, options in ``target.read_target``.
        name: Name of our connections in RabbitMQ's tools.
        topology: Durable queues that are declared on every connection.
        timeout_seconds: Limit of one publish() and of one connection attempt.
        window: Most messages of one publisher on their way without confirm.
        idle_check_seconds: How often an idle consumer asks whether its queue is still there.

    Raises:
        ConfigError: The URL is wrong.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str = "pilothouse",
        topology: Sequence[Queue] = DURABLE_QUEUES,
        timeout_seconds: float = 5.0,
        window: int = 500,
        idle_check_seconds: float = 30.0,
    ) -> None:
        self._target = read_target(url, name=name, timeout_seconds=timeout_seconds)
        self._topology = tuple(topology)
        self._window = window
        self._idle_check_seconds = idle_check_seconds
        self._lock = threading.Lock()
        self._made: WeakSet[Publisher | Consumer] = WeakSet()  # live viewers come and go
        self._probe: RabbitPublisher | None = None
        self._closed = False

    def publisher(self) -> RabbitPublisher:
        """Return a publisher."""
        return self._keep(RabbitPublisher(self._target, self._topology, window=self._window))

    def consumer(self, queue: Queue, *, prefetch: int) -> RabbitConsumer:
        """Return a consumer of a queue."""
        return self._keep(
            RabbitConsumer(
                self._target,
                queue,
                self._topology,
                prefetch=prefetch,
                idle_check_seconds=self._idle_check_seconds,
            )
        )

    def check(self) -> None:
        """Raise BrokerUnavailable when there is no connection, or it takes no messages."""
        with self._lock:
            if self._closed:
                raise BrokerUnavailable("this broker is closed")
            if self._probe is None:
                self._probe = RabbitPublisher(self._target, self._topology)
                self._made.add(self._probe)
            probe = self._probe
        probe.check()

    def close(self) -> None:
        """Close every publisher and consumer made here."""
        with self._lock:
            self._closed = True
            made = list(self._made)
            self._made.clear()
        for each in made:
            each.close()

    def _keep(self, made: T) -> T:
        with self._lock:
            if self._closed:
                raise BrokerUnavailable("this broker is closed")
            self._made.add(made)
        return made
