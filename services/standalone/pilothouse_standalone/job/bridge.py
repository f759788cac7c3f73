"""Commands from an outside broker reach the runs of this allocation, and the replies find their way back.

Without it only rank 0's own gateway could steer them: samples and events go out with ``--publish``, but
nothing comes in.
"""

import logging
import threading
from collections.abc import Sequence

from pilothouse_common.backoff import Backoff
from pilothouse_common.broker.port import Broker, Consumer, Disposition, Publisher
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.topology import Exchange, Queue
from pilothouse_common.errors import PilothouseError, Unroutable

log = logging.getLogger(__name__)
RECEIVE_SECONDS = 0.3  # how long the end of the process waits at most
JOIN_SECONDS = 3.0
PREFETCH = 32


class BridgedBroker:
    """The broker of this allocation, whose bindings for commands hold at an outside broker too.

    Args:
        inside: Of this process; its owner closes it.
        outside: Where others ask from; closed with this.
    """

    def __init__(self, inside: Broker, outside: Broker) -> None:
        self._inside = inside
        self._outside = outside
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads: dict[tuple[str, ...], threading.Thread] = {}

    def publisher(self) -> Publisher:
        """Return a publisher to the inside; replies to somebody outside go there."""
        return _Replies(self._inside.publisher(), self._outside.publisher())

    def consumer(self, queue: Queue, *, prefetch: int) -> Consumer:
        """Return a consumer of the inside; commands it is bound to are carried in from now on."""
        made = self._inside.consumer(queue, prefetch=prefetch)
        if queue.exchange is Exchange.COMMANDS:
            self._carry_in(queue.binding_keys)
        return made

    def check(self) -> None:
        """Raise BrokerUnavailable when the inside cannot be used: the outside may come and go."""
        self._inside.check()

    def close(self) -> None:
        """Carry nothing any more; the inside stays open."""
        self._stop.set()
        for thread in list(self._threads.values()):
            thread.join(JOIN_SECONDS)
        self._outside.close()

    def _carry_in(self, keys: tuple[str, ...]) -> None:
        with self._lock:
            if keys in self._threads or self._stop.is_set():
                return
            thread = threading.Thread(target=self._carry, args=(keys,), name="bridge", daemon=True)
            self._threads[keys] = thread
            thread.start()

    def _carry(self, keys: tuple[str, ...]) -> None:
        backoff = Backoff()
        inside = self._inside.publisher()
        queue = Queue("pilothouse.bridge", Exchange.COMMANDS, keys, temporary=True)
        while not self._stop.is_set():
            consumer: Consumer | None = None
            try:
                consumer = self._outside.consumer(queue, prefetch=PREFETCH)
                while not self._stop.is_set():
                    _carry_one(consumer, inside)
                    backoff.reset()
            except PilothouseError as exc:
                log.warning("commands from outside wait", extra={"reason": str(exc)})
                self._stop.wait(backoff.next_seconds())
            finally:
                if consumer is not None:
                    consumer.close()
        inside.close()


def _carry_one(consumer: Consumer, inside: Publisher) -> None:
    delivery = consumer.receive(RECEIVE_SECONDS)
    if delivery is None:
        return
    consumer.settle([delivery], Disposition.ACK)
    try:
        inside.publish([delivery.message])
    except Unroutable:  # its run has just ended: who asked hears nothing, and looks again
        log.info("command dropped: its run is gone", extra={"key": delivery.message.routing_key})


class _Replies:
    """Publishes inside; a reply that nobody inside waits for goes outside."""

    def __init__(self, inside: Publisher, outside: Publisher) -> None:
        self._inside = inside
        self._outside = outside

    def publish(self, messages: Sequence[Message]) -> None:
        """See Publisher.publish."""
        here = [message for message in messages if message.exchange is not Exchange.COMMANDS]
        if here:
            self._inside.publish(here)
        for message in messages:
            if message.exchange is Exchange.COMMANDS:
                self._reply(message)

    def _reply(self, message: Message) -> None:
        try:
            self._inside.publish([message])
        except Unroutable:
            self._outside.publish([message])

    def close(self) -> None:
        """Release both."""
        self._inside.close()
        self._outside.close()
