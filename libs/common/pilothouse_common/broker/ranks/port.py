"""What the carrier needs of MPI: the lowest seam. pilothouse_agent/ranks.py has the real one."""

from collections.abc import Sequence
from typing import Protocol


class Sending(Protocol):
    """A send that has begun; its bytes belong to it until it is done."""

    def done(self) -> bool:
        """Tell whether the bytes have left. Never blocks.

        Raises:
            BrokerUnavailable: The other rank is gone.
        """


class Communicator(Protocol):
    """The ranks that were started together. One thread makes all calls; only ``exchange`` blocks.

    Attributes:
        rank: Our own number, from 0.
        size: How many there are.
    """

    rank: int
    size: int

    def exchange(self, own: bytes) -> Sequence[bytes]:
        """Return what every rank gave, by rank: the one collective call, at the start."""

    def send(self, rank: int, data: bytes) -> Sending:
        """Begin to send.

        Raises:
            BrokerUnavailable: The other rank is gone.
        """

    def receive(self) -> tuple[int, bytes] | None:
        """Return a rank and what it sent, or None when nothing is there now."""

    def finish(self) -> None:
        """Leave together with all others. Blocks until they leave, too: never with a lost rank."""

    def abort(self) -> None:
        """End every rank of the job, ours too, where the launcher would wait for a lost one."""
