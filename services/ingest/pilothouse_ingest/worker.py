"""The wrapper around every handler: batches, retries, acknowledgement, dead letters, logging.

A batch is written, then settled in one go. While a store is away nothing is settled and the same batch
is tried again with backoff. In a long outage the consumer is closed, so that the broker holds the
messages and its own limits on unacknowledged ones never count against them.
"""

import logging
import threading
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pilothouse_common.backoff import Backoff
from pilothouse_common.broker.port import Broker, Consumer, Delivery, Disposition
from pilothouse_common.errors import BrokerUnavailable, Rejected, StoreUnavailable
from pilothouse_common.runtime.clock import Clock

from pilothouse_ingest.handler import Handler
from pilothouse_ingest.metrics import IngestMetrics
from pilothouse_ingest.splitting import Splitting

log = logging.getLogger(__name__)
T = TypeVar("T")
_IDLE_SECONDS = 0.5
"""How often an idle worker looks whether to stop."""

_GAPS = 5
"""A batch waits for its age, but no longer than this part of it without any message: under load
batches fill, and a message that comes alone does not wait for company that is not on its way."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a batch, and how long an outage may last before messages are given back."""

    messages: int
    bytes: int
    age_seconds: float
    hold_seconds: float


@dataclass
class Batch(Generic[T]):
    """Deliveries with what was read from them, and those that could not be read."""

    deliveries: list[Delivery] = field(default_factory=list)
    items: list[T] = field(default_factory=list)
    unreadable: list[tuple[Delivery, str]] = field(default_factory=list)
    bytes: int = 0

    def __len__(self) -> int:
        return len(self.deliveries) + len(self.unreadable)


class Worker(Generic[T]):
    """Moves one queue into one store. Several may run beside each other, in any number of processes.

    Args:
        handler: What the messages mean.
        broker: Where they come from.
        limits: Bounds of a batch.
        metrics: What happened.
        clock: For ages and the lag.
    """

    def __init__(
        self,
        handler: Handler[T],
        *,
        broker: Broker,
        limits: Limits,
        metrics: IngestMetrics,
        clock: Clock,
    ) -> None:
        self._handler = handler
        self._broker = broker
        self._limits = limits
        self._metrics = metrics
        self._clock = clock
        self._queue = handler.queue.name

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop``; the batch that is being written is finished."""
        while self._wait_for_store(stop):
            consumer = self._broker.consumer(
                self._handler.queue, prefetch=2 * self._limits.messages + 1
            )
            try:
                self._consume(consumer, stop)
            finally:
                consumer.close()

    def _consume(self, consumer: Consumer, stop: threading.Event) -> None:
        """Return when told to stop, or when the store stays away."""
        backoff = Backoff()
        while not stop.is_set():
            try:
                batch = self._collect(consumer)
            except BrokerUnavailable as exc:
                log.warning("broker unavailable", extra={"queue": self._queue, "reason": str(exc)})
                stop.wait(backoff.next_seconds())
                continue
            backoff.reset()
            if batch and not self._store(batch, consumer, stop):
                return

    def _collect(self, consumer: Consumer) -> Batch[T]:
        """Take messages until a bound is reached, or none comes for a while; empty when there are none."""
        batch: Batch[T] = Batch()
        limits, monotonic = self._limits, self._clock.monotonic
        delivery = consumer.receive(_IDLE_SECONDS)
        end = monotonic() + limits.age_seconds
        gap = limits.age_seconds / _GAPS
        while delivery is not None:
            self._add(batch, delivery)
            if len(batch) >= limits.messages or batch.bytes >= limits.bytes:
                break
            delivery = consumer.receive(max(0.0, min(gap, end - monotonic())))
        return batch

    def _add(self, batch: Batch[T], delivery: Delivery) -> None:
        try:
            item = self._handler.read(delivery.message)
        except Rejected as exc:
            batch.unreadable.append((delivery, str(exc)))
        else:
            batch.deliveries.append(delivery)
            batch.items.append(item)
            batch.bytes += len(delivery.message.body)

    def _store(self, batch: Batch[T], consumer: Consumer, stop: threading.Event) -> bool:
        """Write and settle a batch; False when it was given up because of stop or a long outage."""
        splitting = Splitting(batch.items)
        backoff = Backoff()
        away_since: float | None = None
        while not splitting.done:
            try:
                with self._metrics.write_seconds.labels(self._queue).time():
                    splitting.step(self._handler.write)
            except StoreUnavailable as exc:
                now = self._clock.monotonic()
                if away_since is None:
                    away_since = now
                    log.warning("store away", extra={"queue": self._queue, "reason": str(exc)})
                    splitting.exclude(self._handler.inspect)
                self._metrics.waits.labels(self._queue).inc()
                held = now - away_since
                if held > self._limits.hold_seconds or stop.wait(backoff.next_seconds()):
                    return False
            else:
                if away_since is not None:
                    log.info("store is back", extra={"queue": self._queue})
                    away_since = None
                    backoff.reset()
        self._settle(batch, splitting.refused, consumer)
        return True

    def _settle(self, batch: Batch[T], refused: dict[int, str], consumer: Consumer) -> None:
        dead = [(batch.deliveries[index], reason) for index, reason in refused.items()]
        dead += batch.unreadable
        for delivery, reason in dead:
            log.warning(
                "dead letter",
                extra={
                    "queue": self._queue,
                    "routing_key": delivery.message.routing_key,
                    "reason": reason,
                },
            )
            consumer.settle([delivery], Disposition.DEAD_LETTER, reason)
        good = [d for index, d in enumerate(batch.deliveries) if index not in refused]
        consumer.settle(good, Disposition.ACK)
        self._count(batch, len(good), len(dead))

    def _count(self, batch: Batch[T], good: int, dead: int) -> None:
        metrics, queue = self._metrics, self._queue
        metrics.batches.labels(queue).inc()
        metrics.messages.labels(queue).inc(good)
        metrics.bytes.labels(queue).inc(batch.bytes)
        metrics.dead_letters.labels(queue).inc(dead)
        newest = self._handler.newest(batch.items) if batch.items else 0.0
        if newest:
            age = self._clock.now().timestamp() - newest
            metrics.lag_seconds.labels(queue).set(max(0.0, age))

    def _wait_for_store(self, stop: threading.Event) -> bool:
        """Wait until the store can be used; False when told to stop."""
        backoff = Backoff()
        told = False
        while not stop.is_set():
            try:
                self._handler.prepare()
            except StoreUnavailable as exc:
                if not told:
                    told = True
                    log.warning("store away", extra={"queue": self._queue, "reason": str(exc)})
                stop.wait(backoff.next_seconds())
            else:
                return True
        return False
