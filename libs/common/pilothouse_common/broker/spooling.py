"""A carrier with a spool behind it: what the carrier cannot take now is on disk within a bounded time.

While this process's messages wait in the spool, new ones go behind them, so that each source's order is
kept, and the carrier is not tried for every message: a background thread drains with backoff, and
publishing goes straight again as soon as nothing of ours waits.
"""

import logging
import threading
from collections.abc import Sequence

from pilothouse_common.backoff import Backoff
from pilothouse_common.broker.drain import REFUSES_SENDER, Drain
from pilothouse_common.broker.port import Publisher
from pilothouse_common.broker.spool import Spool
from pilothouse_common.broker.spool_wake import ring
from pilothouse_common.contract.message import Message
from pilothouse_common.errors import BrokerUnavailable, PilothouseError

log = logging.getLogger(__name__)
_IDLE_SECONDS = 5.0
_OTHER_DRAINER_SECONDS = 0.5
_CANNOT_DELIVER = (BrokerUnavailable, *REFUSES_SENDER)


class SpoolingPublisher:
    """A Publisher that fails only when the spool does, too. It closes its carrier and spool.

    Args:
        carrier: Has its own time limit, which bounds publish().
        spool: Where messages wait; other processes may write there, too.
        backoff: Pauses between attempts to drain.
    """

    def __init__(self, carrier: Publisher, spool: Spool, *, backoff: Backoff | None = None) -> None:
        self._carrier = carrier
        self._spool = spool
        self._backoff = backoff or Backoff(first_seconds=0.2, max_seconds=10.0)
        self._lock = threading.Lock()
        self._behind = not spool.is_empty()
        self._spooled = 0
        self._problem = ""
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="spool", daemon=True)
        self._thread.start()

    @property
    def behind(self) -> bool:
        """Whether messages go to the spool now."""
        return self._behind

    @property
    def dropped(self) -> int:
        """Samples messages that were dropped because the spool was full."""
        return self._spool.dropped

    def publish(self, messages: Sequence[Message]) -> None:
        """Return when the carrier or the disk has every message.

        Raises:
            BrokerUnavailable: Neither can take them.
            Rejected: The carrier refuses a message for what it is.
        """
        if not messages:
            return
        if not self._behind:
            try:
                self._carrier.publish(messages)
            except _CANNOT_DELIVER as exc:
                self._report(exc)
            else:
                return
        with self._lock:
            self._spool.publish(messages)
            self._behind = True
            self._spooled += 1
        ring(self._spool.directory)

    def close(self) -> None:
        """Stop draining; what waits is drained by the next process. Idempotent."""
        self._closing.set()
        ring(self._spool.directory)
        self._thread.join(timeout=10)
        self._carrier.close()
        self._spool.close()

    def _note(self, problem: str) -> None:
        """Log why the spool cannot be drained: once for each reason, not at every try."""
        if problem and problem != self._problem:
            log.warning(
                "spool waits", extra={"reason": problem, "spool": str(self._spool.directory)}
            )
        self._problem = problem

    def _report(self, problem: PilothouseError) -> None:
        if not self._behind:
            log.warning(
                "carrier fails, messages are spooled",
                extra={"reason": str(problem), "spool": str(self._spool.directory)},
            )

    def _run(self) -> None:
        with Drain(self._spool.directory, self._carrier) as drain:
            while not self._closing.is_set():
                self._turn(drain)

    def _turn(self, drain: Drain) -> None:
        """Drain once, then wait for more."""
        before = self._spooled
        try:
            mine = drain.acquire()
            done = drain.drain(stop=self._closing.is_set) if mine else None
        except PilothouseError as exc:
            self._note(str(exc))
            self._closing.wait(self._backoff.next_seconds())
            return
        self._note("")
        self._backoff.reset()
        if mine or self._spool.is_empty():
            self._caught_up(before, done.delivered if done else 0)
        if not self._closing.is_set():  # later than this close() rings, and wait() hears it
            drain.wait(_IDLE_SECONDS if mine else _OTHER_DRAINER_SECONDS)

    def _caught_up(self, before: int, delivered: int) -> None:
        """Go straight again, unless something was spooled meanwhile."""
        with self._lock:
            was_behind = self._behind
            if self._spooled == before and not self._closing.is_set():
                self._behind = False
        if was_behind and not self._behind:
            log.info("spool drained", extra={"messages": delivered})
