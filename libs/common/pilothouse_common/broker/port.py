"""What every carrier and broker promises. The behaviour suite in tests/contract holds them to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from pilothouse_common.contract.message import Message
from pilothouse_common.contract.topology import Queue


class Publisher(Protocol):
    """Gives messages away. Safe to call from several threads."""

    def publish(self, messages: Sequence[Message]) -> None:
        """Return once the carrier has taken responsibility for every message.

        At least once: when it raises, some may have been taken, and the caller sends all again.

        Raises:
            BrokerUnavailable: Not within the carrier's time limit, or its queue is full.
            Unroutable: No queue is bound for a routing key.
        """

    def close(self) -> None:
        """Release the carrier; messages given to publish() before are safe. Idempotent."""


class Disposition(Enum):
    """What becomes of a delivery."""

    ACK = "stored: forget it"
    RETRY = "deliver it again, up to the queue's delivery limit, then dead-letter it"
    DEAD_LETTER = "publish it to the dead-letter exchange with the reason, then forget it"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message as received.

    Attributes:
        message: What was published.
        tag: The adapter's handle for settling; valid for the consumer that gave it.
        delivery_count: Earlier deliveries of the same message that were not acknowledged.
        headers: On a dead letter REASON_HEADER and ORIGIN_HEADER; otherwise empty.
    """

    message: Message
    tag: int
    delivery_count: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)


class Consumer(Protocol):
    """Takes messages from one queue. One thread uses it; heartbeats do not depend on that thread."""

    def receive(self, timeout_seconds: float) -> Delivery | None:
        """Return the next delivery, or None when the time is over (look whether to stop).

        A lost connection is reconnected with backoff behind this call; what was not settled comes
        again, with a new tag.

        Raises:
            BrokerUnavailable: Closed, or the queue cannot be declared as the topology says.
        """

    def settle(
        self, deliveries: Sequence[Delivery], disposition: Disposition, reason: str = ""
    ) -> None:
        """End deliveries. Those from before a reconnect are ignored: they come again.

        ``reason`` is required for DEAD_LETTER: what was wrong, in the store's or decoder's words.
        A temporary queue has no dead letters: they are forgotten.
        """

    def close(self) -> None:
        """Stop receiving; what is not settled is delivered to somebody else. Idempotent."""


class Broker(Protocol):
    """Makes publishers and consumers that share one place."""

    def publisher(self) -> Publisher:
        """Return a publisher; connects lazily."""

    def consumer(self, queue: Queue, *, prefetch: int) -> Consumer:
        """Return a consumer with at most ``prefetch`` deliveries not yet settled."""

    def check(self) -> None:
        """Raise BrokerUnavailable when the broker cannot be used now (readiness)."""

    def close(self) -> None:
        """Close everything made here. Idempotent."""


REASON_HEADER = "x-pilothouse-reason"
"""Header of a dead letter: why it is one."""
ORIGIN_HEADER = "x-pilothouse-origin"
"""Header of a dead letter: the exchange it was published to."""
