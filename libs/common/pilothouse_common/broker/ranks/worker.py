"""The Broker of a worker rank: publishes through rank 0, hears the commands that it has bound."""

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence

from pilothouse_common import errors
from pilothouse_common.broker.port import Consumer, Delivery, Disposition, Publisher
from pilothouse_common.broker.ranks.frames import Batch, Bind, Command, End, Frame, Taken
from pilothouse_common.broker.ranks.loop import RankLoop
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.topology import Exchange, Queue, topic_matches
from pilothouse_common.errors import BrokerUnavailable, PilothouseError

log = logging.getLogger(__name__)
ROOT = 0
MAX_COMMANDS = 256
"""Commands that may wait for one consumer: then the oldest goes."""


class WorkerBroker:
    """A Broker whose messages go to rank 0, which confirms them when they are stored.

    Args:
        loop: Of this rank, after it met the others.
        timeout_seconds: How long publish() waits for rank 0.
    """

    def __init__(self, loop: RankLoop, *, timeout_seconds: float = 10.0) -> None:
        self._loop = loop
        self._timeout_seconds = timeout_seconds
        self._changed = threading.Condition()
        self._number = 0
        self._answers: dict[int, Taken | None] = {}
        self._consumers: list[_CommandConsumer] = []
        self._closed = False
        self._heard = time.monotonic()
        self.ended = threading.Event()
        """Set when rank 0 said that it is over."""
        loop.serve(self._handle)

    @property
    def silent_seconds(self) -> float:
        """Time since rank 0 was last heard."""
        return time.monotonic() - self._heard

    def publisher(self) -> Publisher:
        """Return a publisher."""
        return _RankPublisher(self)

    def consumer(self, queue: Queue, *, prefetch: int) -> Consumer:  # noqa: ARG002 the port's form; nothing waits at rank 0
        """Return a consumer of a temporary queue of commands: nothing else leaves rank 0.

        Raises:
            BrokerUnavailable: Another queue, or rank 0 is gone.
        """
        if not queue.temporary or queue.exchange is not Exchange.COMMANDS:
            raise BrokerUnavailable(f"queue {queue.name}: a worker rank hears only commands")
        made = _CommandConsumer(self, queue.binding_keys)
        with self._changed:
            self._consumers.append(made)
        self._loop.send(ROOT, Bind(queue.binding_keys))
        return made

    def check(self) -> None:
        """Raise BrokerUnavailable when closed or when rank 0 has ended."""
        if self._closed or self.ended.is_set():
            raise BrokerUnavailable("rank 0 has ended")

    def close(self) -> None:
        """Refuse everything from now on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _publish(self, messages: Sequence[Message]) -> None:
        with self._changed:
            if self._closed:  # rank 0 takes what comes until our good-bye, also after its own end
                raise BrokerUnavailable("the way to rank 0 is closed")
            self._number += 1
            number = self._number
            self._answers[number] = None
            try:
                self._loop.send(ROOT, Batch(number, list(messages)))
                self._changed.wait_for(
                    lambda: self._answers[number] is not None or self._closed,
                    self._timeout_seconds,
                )
                answer = self._answers[number]
            finally:
                del self._answers[number]
        if answer is None:
            raise BrokerUnavailable(f"rank 0 did not confirm within {self._timeout_seconds:g} s")
        if answer.error:
            raise _error(answer)

    def _handle(self, _rank: int, frame: Frame) -> None:
        self._heard = time.monotonic()
        with self._changed:
            if isinstance(frame, Taken) and frame.number in self._answers:
                self._answers[frame.number] = frame
            elif isinstance(frame, Command):
                for consumer in self._consumers:
                    consumer.offer(frame.message)
            elif isinstance(frame, End):
                self.ended.set()
            self._changed.notify_all()


class _RankPublisher:
    def __init__(self, broker: WorkerBroker) -> None:
        self._broker = broker
        self._closed = False

    def publish(self, messages: Sequence[Message]) -> None:
        if self._closed:
            raise BrokerUnavailable("this publisher is closed")
        if messages:
            self._broker._publish(messages)  # noqa: SLF001 one module, one class in three parts

    def close(self) -> None:
        self._closed = True


class _CommandConsumer:
    def __init__(self, broker: WorkerBroker, binding_keys: tuple[str, ...]) -> None:
        self._broker = broker
        self._changed = broker._changed  # noqa: SLF001 one lock for the whole broker
        self._binding_keys = binding_keys
        self._waiting: deque[Message] = deque()
        self._tag = 0
        self._closed = False

    def offer(self, message: Message) -> None:
        if not any(topic_matches(key, message.routing_key) for key in self._binding_keys):
            return
        if len(self._waiting) >= MAX_COMMANDS:
            self._waiting.popleft()
            log.warning("command dropped: too many wait")
        self._waiting.append(message)

    def receive(self, timeout_seconds: float) -> Delivery | None:
        with self._changed:
            self._changed.wait_for(
                lambda: self._waiting or self._closed or self._broker._closed,  # noqa: SLF001 see above
                timeout_seconds,
            )
            if self._closed:
                raise BrokerUnavailable("this consumer is closed")
            if not self._waiting:
                self._broker.check()
                return None
            self._tag += 1
            return Delivery(self._waiting.popleft(), self._tag)

    def settle(
        self, deliveries: Sequence[Delivery], disposition: Disposition, reason: str = ""
    ) -> None:
        """Forget them, as with every temporary queue; a retry comes again at once."""
        del reason  # a temporary queue has no dead letters
        if disposition is Disposition.RETRY:
            with self._changed:
                self._waiting.extendleft(d.message for d in reversed(deliveries))
                self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            if self in self._broker._consumers:  # noqa: SLF001 see above
                self._broker._consumers.remove(self)  # noqa: SLF001 see above
            self._changed.notify_all()


def _error(answer: Taken) -> PilothouseError:
    kind = getattr(errors, answer.error, None)
    if isinstance(kind, type) and issubclass(kind, PilothouseError):
        return kind(answer.reason)
    return BrokerUnavailable(answer.reason)
