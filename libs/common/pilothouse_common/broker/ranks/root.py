"""Rank 0's side: publishes what the others send, answers when it is safe, relays commands to them."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from pilothouse_common.broker.port import Broker, Disposition, Publisher
from pilothouse_common.broker.ranks.frames import Batch, Bind, Command, End, Frame, Gone, Taken
from pilothouse_common.broker.ranks.loop import RankLoop
from pilothouse_common.contract.topology import Exchange, Queue
from pilothouse_common.errors import BrokerUnavailable, PilothouseError

log = logging.getLogger(__name__)
MAX_BINDINGS = 64
"""Different sets of binding keys; all ranks of one run bind the same."""
_AT_ONCE = 256
_LOOK_SECONDS = 1.0
_PREFETCH = 64

Work = tuple[int, Batch]


class RankRoot:
    """Serves the worker ranks until it is closed. A slow or dead rank keeps nobody waiting.

    Args:
        loop: Of rank 0, after it met the others.
        size: Number of ranks, ours included.
        publisher: Takes what the ranks send; close() leaves it open.
        broker: Where commands come from.
    """

    def __init__(self, loop: RankLoop, *, size: int, publisher: Publisher, broker: Broker) -> None:
        self._loop = loop
        self._publisher = publisher
        self._broker = broker
        self._work: deque[Work] = deque()
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._present = set(range(1, size))
        self._heard: dict[int, float] = {}
        self._bound: dict[tuple[str, ...], set[int]] = {}
        self._threads: list[threading.Thread] = []
        self._start(self._deliver, "ranks-deliver")
        loop.serve(self._handle)

    def end(
        self, reason: str, within_seconds: float, *, silent_seconds: float = float("inf")
    ) -> set[int]:
        """Tell all ranks that it is over; return those that did not say good-bye.

        Args:
            reason: Why.
            within_seconds: How long to wait for them.
            silent_seconds: Who published once, but not for so long, is not waited for.
        """
        for rank in sorted(self._present):
            self._tell(rank, End(reason))
        now = time.monotonic()
        with self._changed:
            silent = {r for r, heard in self._heard.items() if now - heard > silent_seconds}
            self._changed.wait_for(lambda: not self._present - silent, within_seconds)
            return set(self._present)

    def close(self) -> None:
        """Publish what has come, and stop."""
        with self._changed:
            self._closing.set()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout=5)

    def _start(self, work: Callable[..., None], name: str, *args: object) -> None:
        thread = threading.Thread(target=work, args=args, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _handle(self, rank: int, frame: Frame) -> None:
        with self._changed:
            self._heard[rank] = time.monotonic()
            if isinstance(frame, Batch):
                self._work.append((rank, frame))
            elif isinstance(frame, Gone):
                self._present.discard(rank)
            elif isinstance(frame, Bind):
                self._bind(rank, frame.binding_keys)
            self._changed.notify_all()

    def _deliver(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._work or self._closing.is_set())
                work = [self._work.popleft() for _ in range(min(len(self._work), _AT_ONCE))]
            if not work:
                return
            self._publish(work)

    def _publish(self, work: list[Work]) -> None:
        """Publish batches as one; when that fails, each alone, so that nobody pays for another."""
        try:
            self._publisher.publish([m for _, batch in work for m in batch.messages])
        except Exception as exc:  # noqa: BLE001 this thread must outlive whatever a carrier does
            if len(work) > 1:
                for one in work:
                    self._publish([one])
                return
            error = type(exc).__name__ if isinstance(exc, PilothouseError) else ""
            answer = Taken(work[0][1].number, error or BrokerUnavailable.__name__, str(exc))
            self._tell(work[0][0], answer)
            return
        for rank, batch in work:
            self._tell(rank, Taken(batch.number))

    def _bind(self, rank: int, binding_keys: tuple[str, ...]) -> None:
        ranks = self._bound.get(binding_keys)
        if ranks is not None:
            ranks.add(rank)
        elif len(self._bound) < MAX_BINDINGS:
            self._bound[binding_keys] = {rank}
            self._start(self._relay, "ranks-relay", binding_keys)
        else:
            log.error("too many different bindings: commands do not reach rank %d", rank)

    def _relay(self, binding_keys: tuple[str, ...]) -> None:
        queue = Queue("pilothouse.ranks", Exchange.COMMANDS, binding_keys, temporary=True)
        try:
            consumer = self._broker.consumer(queue, prefetch=_PREFETCH)
            while not self._closing.is_set():
                delivery = consumer.receive(_LOOK_SECONDS)
                if delivery is not None:
                    for rank in sorted(self._bound[binding_keys]):
                        self._tell(rank, Command(delivery.message))
                    consumer.settle([delivery], Disposition.ACK)
            consumer.close()
        except BrokerUnavailable as exc:
            if not self._closing.is_set():
                log.warning("commands are not relayed any more", extra={"reason": str(exc)})

    def _tell(self, rank: int, frame: Frame) -> None:
        """Queue a frame; a rank that cannot be told is stale, which its missing samples show."""
        try:
            self._loop.send(rank, frame)
        except BrokerUnavailable as exc:
            log.debug("not told", extra={"rank": rank, "reason": str(exc)})
