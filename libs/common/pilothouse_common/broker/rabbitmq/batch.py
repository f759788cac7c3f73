"""The bookkeeping of one publish() call: what is still to send, and what is not yet confirmed."""

import threading
from collections import deque
from collections.abc import Sequence

from pilothouse_common.contract.message import Message
from pilothouse_common.errors import PilothouseError


class Batch:
    """Owned by the connection's thread, except for ``finished``, ``error`` and ``abandoned``."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self.messages = messages
        self.to_send = deque(range(len(messages)))
        self.unconfirmed: set[int] = set()
        self.finished = threading.Event()
        self.error: PilothouseError | None = None
        self.abandoned = False

    @property
    def live(self) -> bool:
        """Whether somebody still waits for it."""
        return not self.abandoned and not self.finished.is_set()

    def sent(self, index: int) -> None:
        """Note that a message is on its way."""
        self.unconfirmed.add(index)

    def confirmed(self, index: int) -> None:
        """Note that the broker has it; the last one finishes the batch."""
        self.unconfirmed.discard(index)
        if not self.unconfirmed and not self.to_send:
            self.finished.set()

    def refused(self, index: int, error: PilothouseError) -> None:
        """Note that the broker does not want it; the batch fails when all answers are there."""
        self.error = self.error or error
        self.confirmed(index)

    def fail(self, error: PilothouseError) -> None:
        """End it now."""
        self.error = self.error or error
        self.finished.set()

    def rewind(self) -> None:
        """Send again what was not confirmed when the connection broke."""
        self.to_send.extendleft(sorted(self.unconfirmed, reverse=True))
        self.unconfirmed.clear()
