"""Sends what others on this node put into a spool: hooks, and programs without a route to the broker."""

import logging
import threading
from pathlib import Path

from pilothouse_common.backoff import Backoff
from pilothouse_common.broker.drain import Drain
from pilothouse_common.broker.port import Publisher
from pilothouse_common.broker.spool_wake import ring
from pilothouse_common.errors import PilothouseError

log = logging.getLogger(__name__)
LOOK_SECONDS = 5.0


class SpoolDrain:
    """Drains one directory in a thread of its own, at once when a writer rings.

    Args:
        directory: The spool.
        publisher: The carrier; its owner closes it.
    """

    def __init__(self, directory: Path, publisher: Publisher) -> None:
        self._directory = directory
        self._publisher = publisher
        self._backoff = Backoff()
        self._closing = threading.Event()
        self._problem = ""
        self._thread = threading.Thread(target=self._run, name="drain", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop after the message at hand; the rest waits for the next process."""
        self._closing.set()
        ring(self._directory)
        self._thread.join(timeout=LOOK_SECONDS)

    def _run(self) -> None:
        with Drain(self._directory, self._publisher) as drain:
            while not self._closing.is_set():
                try:
                    if drain.acquire():
                        drain.drain(stop=self._closing.is_set)
                except PilothouseError as exc:
                    self._note(str(exc))
                    self._closing.wait(self._backoff.next_seconds())
                else:
                    self._note("")
                    self._backoff.reset()
                    drain.wait(LOOK_SECONDS)

    def _note(self, problem: str) -> None:
        if problem and not self._problem:
            extra = {"spool": str(self._directory), "reason": problem}
            log.warning("spool cannot be sent", extra=extra)
        elif self._problem and not problem:
            log.info("spool is sent again", extra={"spool": str(self._directory)})
        self._problem = problem
