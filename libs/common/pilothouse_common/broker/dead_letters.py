"""Dead letters for an operator: look at them, send them again, forget them."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pilothouse_common.broker.port import (
    ORIGIN_HEADER,
    REASON_HEADER,
    Broker,
    Delivery,
    Disposition,
)
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.topology import DEAD_LETTERS, Exchange
from pilothouse_common.errors import Conflict


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One of them.

    Attributes:
        id: The same every time it is looked at; equal letters share it.
        reason: Why it is one.
        origin: The exchange it was published to.
        message: The message; its exchange is ``pilothouse.dead``.
    """

    id: str
    reason: str
    origin: str
    message: Message
    delivery: Delivery


class DeadLetters:
    """Holds the dead letters while it is open; what was not replayed or dropped goes back.

    Use as a context manager, one at a time: two would each see a part.

    Args:
        broker: Whose dead letters; the caller closes it.
        most: Letters held at once.
        wait_seconds: How long to wait for the first letter; a quarter of it for each further one.
    """

    def __init__(self, broker: Broker, *, most: int = 10_000, wait_seconds: float = 2.0) -> None:
        self._publisher = broker.publisher()
        self._consumer = broker.consumer(DEAD_LETTERS, prefetch=most)
        self._most = most
        self._wait_seconds = wait_seconds

    def __enter__(self) -> "DeadLetters":
        return self

    def __exit__(self, *_exc: object) -> None:
        self._consumer.close()
        self._publisher.close()

    def read(self) -> list[DeadLetter]:
        """Return the letters that this object does not hold yet, oldest first."""
        letters: list[DeadLetter] = []
        while len(letters) < self._most:
            delivery = self._consumer.receive(self._wait_seconds / (4 if letters else 1))
            if delivery is None:
                break
            letters.append(_letter(delivery))
        return letters

    def replay(self, letters: Iterable[DeadLetter]) -> int:
        """Publish letters to where they came from, then forget them; return how many.

        Raises:
            Conflict: A letter does not say where it came from.
            BrokerUnavailable, Unroutable: It cannot be published; it stays a dead letter.
        """
        count = 0
        for letter in letters:
            self._publisher.publish([replace(letter.message, exchange=_origin(letter))])
            self._consumer.settle([letter.delivery], Disposition.ACK)
            count += 1
        return count

    def drop(self, letters: Sequence[DeadLetter]) -> None:
        """Forget letters."""
        self._consumer.settle([letter.delivery for letter in letters], Disposition.ACK)


def _letter(delivery: Delivery) -> DeadLetter:
    reason = delivery.headers.get(REASON_HEADER, "")
    origin = delivery.headers.get(ORIGIN_HEADER, "")
    message = delivery.message
    digest = hashlib.sha256()
    for part in (reason, origin, message.routing_key, message.message_id):
        digest.update(part.encode(errors="surrogatepass") + b"\0")
    digest.update(message.body)
    return DeadLetter(digest.hexdigest()[:12], reason, origin, message, delivery)


def _origin(letter: DeadLetter) -> Exchange:
    try:
        return Exchange(letter.origin)
    except ValueError as exc:
        raise Conflict(f"dead letter {letter.id}: unknown origin {letter.origin!r}") from exc
