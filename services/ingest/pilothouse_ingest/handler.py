"""The shape of a handler: it owns meaning; worker.py owns batching, retries and acknowledgement."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from pilothouse_common.contract.message import Message
from pilothouse_common.contract.topology import Queue

T = TypeVar("T")


class Handler(Protocol[T]):
    """Turns the messages of one queue into rows of one store. One thread uses it."""

    queue: Queue

    def read(self, message: Message) -> T:
        """Return what is to be written. Cheap: it runs for every message.

        Raises:
            Rejected: The message can never be stored: it becomes a dead letter with these words.
        """

    def write(self, items: Sequence[T]) -> None:
        """Store all of them; return when the store has them. Idempotent.

        Raises:
            StoreUnavailable: Try the same again later.
            Rejected: The store refuses some of them; a part of the good ones may be stored.
        """

    def inspect(self, item: T) -> None:
        """Look closely at one item, however long that takes: a write has failed.

        There are stores that answer broken data as if they themselves were in trouble: without this
        one message could hold up the queue for good.

        Raises:
            Rejected: It can never be stored.
        """

    def newest(self, items: Sequence[T]) -> float:
        """Return the Unix time of the newest thing in a batch, for the lag."""

    def prepare(self) -> None:
        """Make the store ready for writing, or raise StoreUnavailable."""
