"""Wakes the open streams when the record store has something new: one watcher for all of them.

A message on the broker says that an event is on its way; the store says when it has arrived. Streams
read the store, so that what they send can be replayed, is complete and is already visible in lists.
"""

import asyncio
import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pilothouse_common.broker.port import Broker, Consumer, Disposition
from pilothouse_common.contract.topology import Exchange, live_view
from pilothouse_common.errors import Transient
from pilothouse_common.runtime.clock import Clock

log = logging.getLogger(__name__)
CHASE_SECONDS = 3.0
CHASE_EVERY_SECONDS = 0.05
IDLE_SECONDS = 1.0
_PREFETCH = 256


class StreamLimit(Exception):
    """Too many open streams."""


class Waker:
    """One stream's side: waits in its event loop for the hub's thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()

    def wake(self) -> None:
        """Let the stream look again (from any thread)."""
        with contextlib.suppress(RuntimeError):  # its loop has ended, and so has the stream
            self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self, seconds: float) -> bool:
        """Wait for the next wake; tell whether it came within the time."""
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            return False
        self._event.clear()
        return True


class LiveHub:
    """Watches while streams are open.

    Args:
        broker: Where the messages come from that announce events.
        newest: Returns the newest ``seq`` in the record store.
        clock: For the time between two looks.
        max_streams: Of all subjects.
        max_per_subject: Of one.
    """

    def __init__(
        self,
        broker: Broker,
        newest: Callable[[], int],
        clock: Clock,
        *,
        max_streams: int,
        max_per_subject: int,
    ) -> None:
        self._broker = broker
        self._newest = newest
        self._clock = clock
        self._max_streams = max_streams
        self._max_per_subject = max_per_subject
        self._changed = threading.Condition()
        self._wakers: dict[Waker, str] = {}
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    @property
    def closing(self) -> bool:
        """Whether streams have to end."""
        return self._stop.is_set()

    def start(self) -> None:
        """Begin to watch in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="live", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End all streams and the watching. Idempotent."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
            for waker in self._wakers:
                waker.wake()
        if self._thread is not None:
            self._thread.join(timeout=5)

    @contextmanager
    def subscribe(self, subject: str) -> Iterator[Waker]:
        """Give a waker for as long as the stream lasts.

        Raises:
            StreamLimit: As many are open as may be.
        """
        waker = Waker()
        with self._changed:
            open_now = Counter(self._wakers.values())
            if len(self._wakers) >= self._max_streams or open_now[subject] >= self._max_per_subject:
                raise StreamLimit(f"{open_now[subject]} of yours, {len(self._wakers)} in all")
            self._wakers[waker] = subject
            self._changed.notify_all()
        try:
            yield waker
        finally:
            with self._changed:
                del self._wakers[waker]

    @property
    def open_streams(self) -> int:
        """Number of open streams."""
        return len(self._wakers)

    def _run(self) -> None:
        quiet = False
        while not self._stop.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._wakers or self._stop.is_set())
            try:
                self._watch()
                quiet = False
            except Transient as exc:
                if not quiet:
                    log.warning("live view waits", extra={"reason": str(exc)})
                quiet = True
                self._wake_all()  # streams look for themselves, and notice an end
                self._stop.wait(IDLE_SECONDS)
            except Exception:  # the thread serves every stream: one fault must not end them all
                log.exception("live view failed")
                self._stop.wait(IDLE_SECONDS)

    def _watch(self) -> None:
        """Look while somebody is there; raise when broker or store is away."""
        last, chase_until = -1, 0.0
        consumer = self._broker.consumer(live_view(Exchange.EVENTS), prefetch=_PREFETCH)
        try:
            while self._wakers and not self._stop.is_set():
                now = self._clock.monotonic()
                wait = CHASE_EVERY_SECONDS if now < chase_until else IDLE_SECONDS
                if self._drain(consumer, wait):
                    chase_until = self._clock.monotonic() + CHASE_SECONDS
                newest = self._newest()
                if newest != last:
                    last = newest
                    self._wake_all()
        finally:
            consumer.close()

    def _drain(self, consumer: Consumer, seconds: float) -> bool:
        """Take what is there; tell whether there was anything."""
        found = False
        for _ in range(_PREFETCH):
            delivery = consumer.receive(0 if found else seconds)
            if delivery is None:
                break
            found = True
            consumer.settle([delivery], Disposition.ACK)
        return found

    def _wake_all(self) -> None:
        with self._changed:
            for waker in self._wakers:
                waker.wake()
