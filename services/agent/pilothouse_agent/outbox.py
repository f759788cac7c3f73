"""Between collecting and publishing: a bounded hand-over, so that a slow broker never delays a tick."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

from pilothouse_common.backoff import Backoff
from pilothouse_common.broker.port import Publisher
from pilothouse_common.contract.events import NodeReported
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.samples import Sample
from pilothouse_common.contract.topology import Exchange
from pilothouse_common.errors import PilothouseError

log = logging.getLogger(__name__)
MAX_EVENTS = 10_000


class Outbox:
    """Publishes in a thread of its own, in order, and tries again until the carrier takes it.

    Args:
        publisher: The carrier; a spool should stand behind it.
        capacity: Sample messages that may wait; above it the oldest goes, and is counted. Of reports of
            the node the newest waits; of other events MAX_EVENTS, which a spool takes long before.
        lost: How many messages the carrier itself had to drop (its spool is full).
        spooling: Whether the carrier writes to its spool now.
        backoff: Between tries.
    """

    def __init__(
        self,
        publisher: Publisher,
        *,
        capacity: int = 30,
        lost: Callable[[], int] = int,
        spooling: Callable[[], bool] = bool,
        backoff: Backoff | None = None,
    ) -> None:
        self._publisher = publisher
        self._capacity = capacity
        self._lost = lost
        self._spooling = spooling
        self._backoff = backoff or Backoff()
        self._samples: deque[Message] = deque()
        self._report: Message | None = None
        self._events: deque[Message] = deque()
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._problem = ""
        self._dropped = 0
        self._seconds = 0.0
        self._thread = threading.Thread(target=self._run, name="publish", daemon=True)
        self._thread.start()

    def put(self, message: Message) -> None:
        """Hand over one message. Never blocks."""
        with self._changed:
            if message.routing_key == NodeReported.type and message.exchange is Exchange.EVENTS:
                self._report = message
            elif message.exchange is Exchange.EVENTS:
                self._append(self._events, message, MAX_EVENTS)
            else:
                self._append(self._samples, message, self._capacity)
            self._changed.notify()

    def _append(self, line: deque[Message], message: Message, capacity: int) -> None:
        if len(line) >= capacity:
            line.popleft()
            self._dropped += 1
        line.append(message)

    def samples(self) -> Iterator[Sample]:
        """Return what publishing costs and what it lost."""
        yield Sample("agent_publish_seconds", self._seconds)
        yield Sample("agent_dropped_messages", self._dropped + self._lost())
        yield Sample("agent_waiting_messages", len(self._samples))
        yield Sample("agent_spooling", int(self._spooling()))

    def check(self) -> None:
        """Raise PilothouseError when the last publish failed."""
        if self._problem:
            raise PilothouseError(self._problem)

    def close(self, *, within_seconds: float = 5.0) -> None:
        """Publish what waits, within the time; the publisher itself stays its owner's."""
        with self._changed:
            self._closing.set()
            self._changed.notify()
        self._thread.join(within_seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (self._report or self._events or self._samples):
                    if self._closing.is_set():
                        return
                    self._changed.wait()
                report, batch = self._report, [*self._events, *self._samples]
            if self._publish([report, *batch] if report else batch):
                self._forget(report, batch)
            elif self._closing.wait(self._backoff.next_seconds()):
                return

    def _publish(self, messages: list[Message]) -> bool:
        start = time.perf_counter()
        try:
            self._publisher.publish(messages)
        except Exception as exc:  # noqa: BLE001 this thread must outlive whatever a carrier does
            self._note(f"{type(exc).__name__}: {exc}")
            return False
        self._seconds = time.perf_counter() - start
        self._backoff.reset()
        self._note("")
        return True

    def _forget(self, report: Message | None, batch: list[Message]) -> None:
        """Take what was published out of the outbox; some of it may have been dropped meanwhile."""
        with self._changed:
            if self._report is report:
                self._report = None
            published = set(map(id, batch))
            for line in (self._events, self._samples):
                while line and id(line[0]) in published:
                    line.popleft()

    def _note(self, problem: str) -> None:
        if problem and not self._problem:
            log.warning("cannot publish", extra={"reason": problem})
        elif self._problem and not problem:
            log.info("publishing again")
        self._problem = problem
