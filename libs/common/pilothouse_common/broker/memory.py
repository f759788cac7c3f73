"""The in-process broker: the same topology and promises as RabbitMQ, for one process and for tests.

It holds encoded bytes, so that what runs on it also proves the wire form. Nothing survives the
process; with ``confirm="settled"`` publish() therefore returns only after the consumers of all durable
queues have stored the message, and "accepted" means "stored".
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

from pilothouse_common.broker.memory_queue import Entry, MemoryQueue, Receipt
from pilothouse_common.broker.port import (
    ORIGIN_HEADER,
    REASON_HEADER,
    Consumer,
    Delivery,
    Disposition,
    Publisher,
)
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.topology import DURABLE_QUEUES, Exchange, Queue
from pilothouse_common.errors import BrokerUnavailable, PilothouseError, Unroutable

log = logging.getLogger(__name__)
Confirm = Literal["queued", "settled"]
KeepDeadLetter = Callable[[Message, str], None]
MEBIBYTE = 1 << 20


class MemoryBroker:
    """Routes between threads of this process.

    Args:
        topology: Durable queues that exist from the start.
        confirm: What publish() waits for: ``queued``, or ``settled`` by every durable queue's consumer.
        timeout_seconds: How long publish() waits for ``settled``.
        max_queue_bytes: Bound of every queue; a queue's own smaller bound wins.
        keep_dead_letter: Told every dead letter, as it was published, and its reason, so that it
            outlives the process (``Quarantine.keep``).
    """

    def __init__(
        self,
        *,
        topology: Sequence[Queue] = DURABLE_QUEUES,
        confirm: Confirm = "queued",
        timeout_seconds: float = 10.0,
        max_queue_bytes: int = 256 * MEBIBYTE,
        keep_dead_letter: KeepDeadLetter | None = None,
    ) -> None:
        self._changed = threading.Condition()
        self._confirm = confirm
        self._timeout_seconds = timeout_seconds
        self._max_queue_bytes = max_queue_bytes
        self._keep_dead_letter = keep_dead_letter
        self._queues: dict[str, MemoryQueue] = {}
        self._temporary = 0
        self._closed = False
        for queue in topology:
            self._declare(queue)

    def publisher(self) -> Publisher:
        """Return a publisher."""
        return _MemoryPublisher(self)

    def consumer(self, queue: Queue, *, prefetch: int) -> Consumer:
        """Return a consumer; the queue is made when it is not there."""
        with self._changed:
            return _MemoryConsumer(self, self._declare(queue), prefetch)

    def check(self) -> None:
        """Raise BrokerUnavailable when closed."""
        if self._closed:
            raise BrokerUnavailable("the in-process broker is closed")

    def close(self) -> None:
        """Refuse everything from now on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _declare(self, queue: Queue) -> MemoryQueue:
        if queue.temporary:
            self._temporary += 1
            queue = replace(queue, name=f"{queue.name}.{self._temporary}")
        made = self._queues.get(queue.name)
        if made is None:
            bound = min(queue.max_length_bytes or self._max_queue_bytes, self._max_queue_bytes)
            made = self._queues[queue.name] = MemoryQueue(queue, bound)
        elif made.queue != queue:
            raise BrokerUnavailable(f"queue {queue.name} exists with other properties")
        return made

    def _publish(self, messages: Sequence[Message]) -> None:
        receipt = Receipt() if self._confirm == "settled" else None
        with self._changed:
            for message in messages:
                self.check()
                self._route(message, receipt)
            self._changed.notify_all()
            if receipt and not self._changed.wait_for(
                lambda: not receipt.pending or self._closed, self._timeout_seconds
            ):
                raise BrokerUnavailable(f"not stored within {self._timeout_seconds:g} s")
            if receipt and receipt.pending:
                self.check()

    def _route(self, message: Message, receipt: Receipt | None) -> None:
        queues = [queue for queue in self._queues.values() if queue.takes(message)]
        if not queues:
            raise Unroutable(f"{message.exchange}: no queue is bound for {message.routing_key!r}")
        full = [q for q in queues if not q.queue.temporary and not q.has_room(message)]
        if full:
            raise BrokerUnavailable(f"queue {full[0].queue.name} is full")
        for queue in queues:
            queue.drop_oldest_for(message)
            queue.put(Entry(message, {}, None if queue.queue.temporary else receipt))

    def _dead_letter(self, entry: Entry, reason: str) -> None:
        if self._keep_dead_letter:
            try:
                self._keep_dead_letter(entry.message, reason)
            except PilothouseError as exc:
                log.error("dead letter not kept", extra={"reason": str(exc), "why_dead": reason})  # noqa: TRY400 the reason says all
        letter = replace(entry.message, exchange=Exchange.DEAD)
        headers = {REASON_HEADER: reason, ORIGIN_HEADER: str(entry.message.exchange)}
        for queue in self._queues.values():
            if queue.takes(letter):
                if queue.drop_oldest_for(letter):
                    log.warning("dead letters dropped: too many", extra={"queue": queue.queue.name})
                queue.put(Entry(letter, headers))


class _MemoryPublisher:
    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._closed = False

    def publish(self, messages: Sequence[Message]) -> None:
        if self._closed:
            raise BrokerUnavailable("this publisher is closed")
        self._broker._publish(messages)  # noqa: SLF001 one module, one class in three parts

    def close(self) -> None:
        self._closed = True


class _MemoryConsumer:
    def __init__(self, broker: MemoryBroker, queue: MemoryQueue, prefetch: int) -> None:
        self._broker = broker
        self._changed = broker._changed  # noqa: SLF001 one lock for the whole broker
        self._queue = queue
        self._prefetch = prefetch
        self._unsettled: dict[int, Entry] = {}
        self._tag = 0
        self._closed = False
        queue.consumers.append(self)

    def receive(self, timeout_seconds: float) -> Delivery | None:
        end = time.monotonic() + timeout_seconds
        with self._changed:
            while True:
                self._broker.check()
                if self._closed:
                    raise BrokerUnavailable("this consumer is closed")
                entry = self._next()
                if entry is not None:
                    return self._deliver(entry)
                if not self._changed.wait(max(0.0, end - time.monotonic())):
                    return None

    def _next(self) -> Entry | None:
        return self._queue.take(self) if len(self._unsettled) < self._prefetch else None

    def _deliver(self, entry: Entry) -> Delivery:
        self._tag += 1
        self._unsettled[self._tag] = entry
        return Delivery(entry.message, self._tag, entry.delivery_count, entry.headers)

    def settle(
        self, deliveries: Sequence[Delivery], disposition: Disposition, reason: str = ""
    ) -> None:
        if disposition is Disposition.DEAD_LETTER and not reason:
            raise ValueError("a dead letter needs a reason")
        with self._changed:
            entries = [self._unsettled.pop(d.tag) for d in deliveries if d.tag in self._unsettled]
            if disposition is Disposition.RETRY:
                self._retry(entries)
            else:
                for entry in entries:
                    if disposition is Disposition.DEAD_LETTER:
                        self._bury(entry, reason)
                    self._queue.finish(entry)
            self._changed.notify_all()

    def _retry(self, entries: Sequence[Entry]) -> None:
        again = []
        for entry in entries:
            if self._queue.at_limit(entry):
                self._bury(entry, f"delivered {entry.delivery_count + 1} times and never settled")
                self._queue.finish(entry)
            else:
                again.append(entry)
        self._queue.give_back(again)

    def _bury(self, entry: Entry, reason: str) -> None:
        if not self._queue.queue.temporary:
            self._broker._dead_letter(entry, reason)  # noqa: SLF001 one class in three parts

    def close(self) -> None:
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._queue.consumers.remove(self)
            if self._queue.queue.temporary:
                self._broker._queues.pop(self._queue.queue.name, None)  # noqa: SLF001 gone with its consumer
            else:
                self._retry(list(self._unsettled.values()))
            self._unsettled.clear()
            self._changed.notify_all()
