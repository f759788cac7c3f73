"""Gives messages to this allocation's own stores and to somebody outside, too."""

from collections.abc import Sequence

from pilothouse_common.broker.port import Publisher
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.topology import Exchange


class Tee:
    """A Publisher to two others.

    Args:
        first: Must take everything.
        second: Gets everything after it but commands and replies, which stay here; with a spool behind
            it, so that it takes everything too.
    """

    def __init__(self, first: Publisher, second: Publisher) -> None:
        self._first = first
        self._second = second

    def publish(self, messages: Sequence[Message]) -> None:
        """Return once both have taken responsibility; see Publisher.publish."""
        self._first.publish(messages)
        outside = [m for m in messages if m.exchange is not Exchange.COMMANDS]
        if outside:
            self._second.publish(outside)

    def close(self) -> None:
        """Release the first; the second is shared, its owner closes it."""
        self._first.close()
