"""Publishes with confirms, ``mandatory`` and a window, from any number of threads.

publish() puts its batch in a line and waits; the connection's thread sends at most ``window`` messages
ahead of their confirms. What a broken connection left unconfirmed is sent again on the next one, as
long as the caller waits. When an attempt to connect fails, callers learn it at once.
"""

import logging
import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

import pika
from pika.channel import Channel
from pika.frame import Method
from pika.spec import Basic, BasicProperties

from pilothouse_common.broker.rabbitmq.batch import Batch
from pilothouse_common.broker.rabbitmq.declare import declare
from pilothouse_common.broker.rabbitmq.failure import explain
from pilothouse_common.broker.rabbitmq.link import Link
from pilothouse_common.broker.rabbitmq.target import Target
from pilothouse_common.broker.rabbitmq.wire import properties_of
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.topology import Queue, topic_matches
from pilothouse_common.errors import BrokerUnavailable, PilothouseError, Unroutable

log = logging.getLogger(__name__)


class RabbitPublisher:
    """A Publisher with its own connection, made at the first publish().

    Args:
        target: Where to.
        topology: Durable queues declared before the first message, so that none is unroutable.
        window: Most messages on their way without confirm.
    """

    def __init__(self, target: Target, topology: Sequence[Queue], *, window: int = 500) -> None:
        self._target = target
        self._topology = [(queue.name, queue) for queue in topology]
        self._window = window
        self._link = Link(target, self)
        self._line: deque[Batch] = deque()
        self._lock = threading.Lock()
        self._closed = False
        self._blocked = ""
        self._channel: Channel | None = None
        self._sequence = 0
        self._in_flight: dict[int, tuple[Batch, int]] = {}
        self._returned: set[int] = set()

    def publish(self, messages: Sequence[Message]) -> None:
        """Return once every message is confirmed."""
        if not messages:
            return
        batch = Batch(messages)
        with self._lock:
            if self._closed:
                raise BrokerUnavailable("this publisher is closed")
            self._line.append(batch)
        self._link.start()
        if not self._link.ready.is_set():
            self._link.nudge()
        self._link.call(self._pump)
        if not batch.finished.wait(self._target.timeout_seconds):
            batch.abandoned = True
            raise self._unavailable(f"no confirm within {self._target.timeout_seconds:g} s")
        if batch.error:
            raise batch.error

    def check(self) -> None:
        """Raise BrokerUnavailable unless a publish() would now be sent."""
        problem = self._link.wait_ready(self._target.timeout_seconds)
        if problem:
            raise self._unavailable(problem)
        if self._blocked:
            raise self._unavailable(f"it takes no messages now: {self._blocked}")

    def close(self) -> None:
        """End the connection; callers that still wait get BrokerUnavailable."""
        with self._lock:
            self._closed = True
        self._link.close()
        self._fail_all(BrokerUnavailable("this publisher is closed"))

    def opened(self, connection: pika.SelectConnection) -> None:
        """Declare on a channel of its own: a user without that right may still publish."""
        self._blocked = ""
        connection.add_on_connection_blocked_callback(self._on_blocked)
        connection.add_on_connection_unblocked_callback(self._on_unblocked)

        def on_declaring(channel: Channel) -> None:
            channel.add_on_close_callback(on_declared)
            declare(channel, self._topology, channel.close)

        def on_declared(_channel: Channel, reason: BaseException) -> None:
            if isinstance(reason, pika.exceptions.ChannelClosedByBroker):
                log.warning("topology not declared", extra={"reason": explain(reason)})
            if connection.is_open:
                connection.channel(on_open_callback=self._on_channel)

        connection.channel(on_open_callback=on_declaring)

    def lost(self, reason: str, *, was_ready: bool) -> None:
        """Keep what was on its way for the next connection, unless there is none to be had."""
        self._channel = None
        batches = dict.fromkeys(batch for batch, _ in self._in_flight.values())
        self._in_flight.clear()
        self._returned.clear()
        if not was_ready:
            self._fail_all(self._unavailable(reason))
            return
        with self._lock:
            for batch in reversed(list(batches)):
                batch.rewind()
                if batch.live and batch not in self._line:
                    self._line.appendleft(batch)

    def _on_channel(self, channel: Channel) -> None:
        channel.add_on_close_callback(self._on_channel_closed)
        channel.add_on_return_callback(self._on_return)
        self._sequence = 0

        def on_confirming(_frame: Method) -> None:
            self._channel = channel
            self._link.mark_ready()
            self._pump()

        channel.confirm_delivery(self._on_confirm, callback=on_confirming)

    def _on_channel_closed(self, _channel: Channel, reason: BaseException) -> None:
        self._channel = None
        if isinstance(reason, pika.exceptions.ChannelClosedByBroker):  # else lost() follows
            error = self._unavailable(explain(reason))
            for batch, _ in self._in_flight.values():
                batch.fail(error)
            self._link.fail(explain(reason))

    def _pump(self) -> None:
        channel = self._channel
        if channel is None:
            return
        if self._blocked:
            self._fail_all(self._unavailable(f"it takes no messages now: {self._blocked}"))
        while len(self._in_flight) < self._window and channel.is_open:
            batch = self._first_in_line()
            if batch is None:
                return
            self._send(channel, batch, batch.to_send.popleft())

    def _first_in_line(self) -> Batch | None:
        with self._lock:
            while self._line:
                batch = self._line[0]
                if batch.live and batch.to_send:
                    return batch
                self._line.popleft()
        return None

    def _send(self, channel: Channel, batch: Batch, index: int) -> None:
        message = batch.messages[index]
        self._sequence += 1
        self._in_flight[self._sequence] = (batch, index)
        batch.sent(index)
        channel.basic_publish(
            message.exchange,
            message.routing_key,
            message.body,
            properties_of(message),
            mandatory=True,
        )

    def _on_return(
        self, _channel: Channel, method: Basic.Return, _properties: BasicProperties, body: bytes
    ) -> None:
        """Remember the message that came back: its confirm follows."""
        for sequence, (batch, index) in self._in_flight.items():
            message = batch.messages[index]
            same = (message.exchange, message.routing_key) == (method.exchange, method.routing_key)
            if same and message.body == body and sequence not in self._returned:
                self._returned.add(sequence)
                return

    def _on_confirm(self, frame: Method) -> None:
        method: Any = frame.method
        refused = method.NAME == "Basic.Nack"
        for sequence in self._covered(method.delivery_tag, method.multiple):
            batch, index = self._in_flight.pop(sequence)
            message = batch.messages[index]
            if sequence in self._returned:
                self._returned.discard(sequence)
                batch.refused(index, self._not_routed(message))
            elif refused:
                batch.refused(index, self._unavailable("a queue is full"))
            else:
                batch.confirmed(index)
        self._pump()

    def _not_routed(self, message: Message) -> PilothouseError:
        """A durable queue of ours that is gone comes back with the next connection."""
        words = f"{message.exchange}: no queue is bound for {message.routing_key!r}"
        ours = [q for _, q in self._topology if q.exchange is message.exchange]
        keys = (key for q in ours for key in q.binding_keys)
        if not any(topic_matches(key, message.routing_key) for key in keys):
            return Unroutable(words)
        self._link.fail(words)
        return self._unavailable(words)

    def _covered(self, tag: int, multiple: bool) -> list[int]:
        if not multiple:
            return [tag] if tag in self._in_flight else []
        return [sequence for sequence in self._in_flight if sequence <= tag]

    def _on_blocked(self, _connection: object, frame: Method) -> None:
        self._blocked = str(frame.method.reason) or "blocked"
        log.warning("broker blocks publishers", extra={"reason": self._blocked})
        error = self._unavailable(f"it takes no messages now: {self._blocked}")
        for batch, _ in self._in_flight.values():
            batch.fail(error)
        self._fail_all(error)

    def _on_unblocked(self, _connection: object, _frame: Method) -> None:
        self._blocked = ""
        log.info("broker takes messages again")

    def _fail_all(self, error: PilothouseError) -> None:
        with self._lock:
            batches = list(self._line)
            self._line.clear()
        for batch in batches:
            batch.fail(error)

    def _unavailable(self, reason: str) -> BrokerUnavailable:
        return BrokerUnavailable(f"broker {self._target.shown}: {reason}")
