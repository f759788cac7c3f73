"""Publishes dead letters, and tells when the broker has confirmed each."""

import threading
from collections.abc import Callable
from typing import Any

from pika.channel import Channel
from pika.frame import Method

from pilothouse_common.broker.port import ORIGIN_HEADER, REASON_HEADER
from pilothouse_common.broker.rabbitmq.wire import properties_of
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.topology import Exchange

MAX_REASON_CHARACTERS = 4000


class Burial:
    """A confirming channel beside the consuming one. Used in the connection's thread only.

    Args:
        done: Called with the tag of the original, and whether its dead letter is safe.
    """

    def __init__(self, done: Callable[[int, bool], None]) -> None:
        self.idle = threading.Event()
        self._done = done
        self._channel: Channel | None = None
        self._sequence = 0
        self._waiting: list[tuple[int, Message, str]] = []
        self._pending: dict[int, int] = {}
        self._returned = False
        self._finishing = False

    def opened(self, channel: Channel) -> None:
        """Begin to confirm on this channel."""
        channel.add_on_return_callback(self._on_return)
        channel.confirm_delivery(
            self._on_confirm, callback=lambda _frame: self._on_confirming(channel)
        )

    def reset(self) -> None:
        """Forget all: the originals come again."""
        self._channel = None
        self._sequence = 0
        self._waiting.clear()
        self._pending.clear()
        self._returned = False
        self._tell_idle()

    def bury(self, tag: int, message: Message, reason: str) -> None:
        """Publish a dead letter for the original with this tag."""
        if self._channel is None:
            self._waiting.append((tag, message, reason))
            return
        if not self._channel.is_open:
            return  # the connection ends: the original comes again
        self._sequence += 1
        self._pending[self._sequence] = tag
        headers = {
            REASON_HEADER: reason[:MAX_REASON_CHARACTERS],
            ORIGIN_HEADER: str(message.exchange),
        }
        self._channel.basic_publish(
            Exchange.DEAD,
            message.routing_key,
            message.body,
            properties_of(message, headers),
            mandatory=True,
        )

    def finish(self) -> None:
        """Set ``idle`` as soon as nothing is on its way."""
        self._finishing = True
        self._tell_idle()

    def _on_confirming(self, channel: Channel) -> None:
        self._channel = channel
        waiting, self._waiting = self._waiting, []
        for tag, message, reason in waiting:
            self.bury(tag, message, reason)

    def _on_return(self, *_args: object) -> None:
        self._returned = True  # its confirm follows; all that it covers are taken as refused

    def _on_confirm(self, frame: Method) -> None:
        method: Any = frame.method
        safe = method.NAME == "Basic.Ack" and not self._returned
        self._returned = False
        for sequence in [s for s in self._pending if s <= method.delivery_tag]:
            if method.multiple or sequence == method.delivery_tag:
                self._done(self._pending.pop(sequence), safe)
        self._tell_idle()

    def _tell_idle(self) -> None:
        if self._finishing and not self._pending and not self._waiting:
            self.idle.set()
