"""Consumes one queue: deliveries wait for the caller's thread, bounded by the prefetch.

A tag carries the number of its connection; after a reconnect older tags mean nothing to the broker,
which delivers those messages again, so settling them is ignored.
"""

import logging
import threading
import time
from collections.abc import Iterable, Sequence
from queue import Empty, SimpleQueue

import pika
from pika.channel import Channel
from pika.spec import Basic, BasicProperties

from pilothouse_common.broker.port import Delivery, Disposition
from pilothouse_common.broker.rabbitmq.burial import Burial
from pilothouse_common.broker.rabbitmq.declare import declare, server_name
from pilothouse_common.broker.rabbitmq.failure import explain
from pilothouse_common.broker.rabbitmq.link import Link
from pilothouse_common.broker.rabbitmq.target import Target
from pilothouse_common.broker.rabbitmq.wire import (
    dead_headers_of,
    delivery_count_of,
    message_of,
)
from pilothouse_common.contract.topology import Queue
from pilothouse_common.errors import BrokerUnavailable

log = logging.getLogger(__name__)
_EPOCH = 1 << 40
_NOT_FOUND = 404
_PRECONDITION_FAILED = 406


class RabbitConsumer:
    """A Consumer with its own connection, made at the first receive().

    Args:
        target: Where to.
        queue: What to consume; declared when it is not there.
        topology: Durable queues declared beside it.
        prefetch: Most deliveries not yet settled.
        idle_check_seconds: After this long without a delivery, ask whether the queue is still there:
            RabbitMQ does not tell an idle consumer that a quorum queue was deleted.
    """

    def __init__(
        self,
        target: Target,
        queue: Queue,
        topology: Sequence[Queue],
        *,
        prefetch: int,
        idle_check_seconds: float = 30.0,
    ) -> None:
        self._target = target
        self._queue = queue
        self._others = [(q.name, q) for q in topology if q.name != queue.name]
        self._prefetch = prefetch
        self._idle_check_seconds = idle_check_seconds
        self._quiet_since = time.monotonic()
        self._name = ""
        self._link = Link(target, self)
        self._waiting: SimpleQueue[Delivery | None] = SimpleQueue()
        self._epoch = 0
        self._problem = ""
        self._closed = threading.Event()
        self._channel: Channel | None = None
        self._outstanding: dict[int, None] = {}
        self._burial = Burial(self._bury_done)

    def receive(self, timeout_seconds: float) -> Delivery | None:
        """Return the next delivery of the present connection."""
        end = time.monotonic() + timeout_seconds
        self._link.start()
        while True:
            self._raise_problem()
            try:
                delivery = self._waiting.get(timeout=max(0.0, end - time.monotonic()))
            except Empty:
                self._look_when_idle()
                return None
            if delivery is not None and delivery.tag // _EPOCH == self._epoch:
                self._quiet_since = time.monotonic()
                return delivery

    def _look_when_idle(self) -> None:
        if time.monotonic() - self._quiet_since > self._idle_check_seconds:
            self._quiet_since = time.monotonic()
            self._link.call(self._look)

    def _look(self) -> None:
        """Ask for the queue: if it is not there, the broker closes the channel."""
        if self._channel is not None and self._channel.is_open:
            self._channel.queue_declare(self._name, passive=True)

    def _raise_problem(self) -> None:
        if self._closed.is_set():
            raise BrokerUnavailable("this consumer is closed")
        if self._problem:
            problem, self._problem = self._problem, ""
            raise BrokerUnavailable(f"broker {self._target.shown}: {problem}")

    def settle(
        self, deliveries: Sequence[Delivery], disposition: Disposition, reason: str = ""
    ) -> None:
        """Hand the settlement to the connection's thread."""
        if disposition is Disposition.DEAD_LETTER and not reason:
            raise ValueError("a dead letter needs a reason")
        mine = list(deliveries)
        self._link.call(lambda: self._settle(mine, disposition, reason))

    def close(self) -> None:
        """Stop; dead letters on their way are waited for."""
        if self._closed.is_set():
            return
        self._closed.set()
        if self._link.call(self._burial.finish):
            self._burial.idle.wait(self._target.timeout_seconds)
        self._link.close()
        self._waiting.put(None)

    def opened(self, connection: pika.SelectConnection) -> None:
        """Declare on a channel of its own, then consume and open the channel for dead letters."""
        name = self._name = server_name(self._queue)

        def on_declaring(channel: Channel) -> None:
            channel.add_on_close_callback(on_declared)
            declare(channel, [*self._others, (name, self._queue)], channel.close)

        def on_declared(_channel: Channel, reason: BaseException) -> None:
            if isinstance(reason, pika.exceptions.ChannelClosedByBroker):
                if reason.reply_code == _PRECONDITION_FAILED or self._queue.temporary:
                    self._refused(explain(reason))
                    return
                log.warning("topology not declared", extra={"reason": explain(reason)})
            if connection.is_open:
                connection.channel(on_open_callback=self._burial.opened)
                connection.channel(on_open_callback=lambda channel: self._consume(channel, name))

        self._burial.reset()
        connection.channel(on_open_callback=on_declaring)

    def lost(self, reason: str, *, was_ready: bool) -> None:  # noqa: ARG002 Link says why once
        """Forget this connection's tags."""
        self._epoch += 1
        self._channel = None
        self._outstanding.clear()
        self._burial.reset()

    def _consume(self, channel: Channel, name: str) -> None:
        self._outstanding.clear()
        channel.add_on_close_callback(self._on_channel_closed)
        channel.add_on_cancel_callback(lambda _frame: self._link.fail("the queue was deleted"))
        channel.basic_qos(prefetch_count=self._prefetch, callback=lambda _frame: begin())

        def begin() -> None:
            channel.basic_consume(name, self._on_message, callback=lambda _frame: ready())

        def ready() -> None:
            self._link.mark_ready()

        self._channel = channel

    def _on_channel_closed(self, _channel: Channel, reason: BaseException) -> None:
        self._channel = None
        if isinstance(reason, pika.exceptions.ChannelClosedByBroker):  # else lost() follows
            if reason.reply_code == _NOT_FOUND:
                self._link.fail(explain(reason))  # it is declared again
            else:
                self._refused(explain(reason))

    def _refused(self, problem: str) -> None:
        self._problem = f"queue {self._queue.name}: {problem}"
        self._waiting.put(None)
        self._link.fail(problem)

    def _on_message(
        self, _channel: Channel, method: Basic.Deliver, properties: BasicProperties, body: bytes
    ) -> None:
        self._outstanding[method.delivery_tag] = None
        self._waiting.put(
            Delivery(
                message_of(method, properties, body, self._queue.exchange),
                self._epoch * _EPOCH + method.delivery_tag,
                delivery_count_of(properties),
                dead_headers_of(method.exchange, properties),
            )
        )

    def _settle(self, deliveries: list[Delivery], disposition: Disposition, reason: str) -> None:
        if self._channel is None or not self._channel.is_open:
            return
        current = [
            d
            for d in deliveries
            if d.tag // _EPOCH == self._epoch and d.tag % _EPOCH in self._outstanding
        ]
        if disposition is Disposition.DEAD_LETTER and not self._queue.temporary:
            for delivery in current:
                self._burial.bury(delivery.tag % _EPOCH, delivery.message, reason)
        elif disposition is Disposition.RETRY:
            self._give_back(self._channel, (d.tag % _EPOCH for d in current))
        else:
            self._ack(self._channel, {d.tag % _EPOCH for d in current})

    def _bury_done(self, tag: int, buried: bool) -> None:
        if self._channel is None or not self._channel.is_open or tag not in self._outstanding:
            return
        if buried:
            self._ack(self._channel, {tag})
        else:
            log.warning("dead letter refused", extra={"queue": self._queue.name})
            self._give_back(self._channel, [tag])

    def _ack(self, channel: Channel, tags: set[int]) -> None:
        """Acknowledge, with one frame for as many as are next in order."""
        last = 0
        for tag in self._outstanding:
            if tag not in tags:
                break
            last = tag
        if last:
            channel.basic_ack(last, multiple=True)
        for tag in sorted(tags):
            if tag > last:
                channel.basic_ack(tag)
            del self._outstanding[tag]

    def _give_back(self, channel: Channel, tags: Iterable[int]) -> None:
        for tag in tags:
            channel.basic_nack(tag, requeue=True)
            del self._outstanding[tag]
