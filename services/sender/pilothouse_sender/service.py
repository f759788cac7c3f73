"""Composition of the sender, and its work: drain spools side by side, each in its own order."""

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from pilothouse_common.backoff import Backoff
from pilothouse_common.broker.carrier import open_broker, open_publisher
from pilothouse_common.broker.dead_letters import DeadLetters
from pilothouse_common.broker.drain import Drain, Drained
from pilothouse_common.broker.port import Publisher
from pilothouse_common.broker.spool import Spool
from pilothouse_common.broker.spool_wake import ring
from pilothouse_common.errors import BrokerUnavailable, ConfigError, PilothouseError
from pilothouse_common.runtime.health import HealthServer
from pilothouse_common.runtime.service import Check

from pilothouse_sender.metrics import SenderMetrics
from pilothouse_sender.progress import Progress
from pilothouse_sender.settings import SenderSettings

log = logging.getLogger(__name__)
LOOK_SECONDS = 5.0
DONE, LEFT, QUARANTINED = 0, 1, 3


class SenderService:
    """Drains directories once, or until told to stop.

    Attributes:
        exit_code: 0 everything was delivered; 1 something is left; 3 delivered, but files that are
            no messages, or that were refused, are in quarantine.
    """

    name = "sender"

    def __init__(
        self,
        directories: Sequence[Path],
        publisher: Publisher,
        *,
        follow: bool,
        batch_messages: int,
        parallel: int,
        progress: Progress,
        health: tuple[str, int] | None = None,
    ) -> None:
        self.exit_code = DONE
        self._directories = directories
        self._publisher = publisher
        self._follow = follow
        self._batch_messages = batch_messages
        self._parallel = len(directories) if follow else min(parallel, len(directories))
        self._progress = progress
        self._health = health
        self._metrics = SenderMetrics()
        self._lock = threading.Lock()
        self._problems: dict[Path, str] = {}

    def run(self, stop: threading.Event) -> None:
        """Drain until all is done, or with follow until ``stop`` is set."""
        work = self._drain_once
        health = None
        if self._follow:
            work = self._follow_one
            threading.Thread(target=self._ring_on, args=(stop,), name="stop", daemon=True).start()
            if self._health:
                registry = self._metrics.registry
                health = HealthServer(*self._health, checks=self.checks(), registry=registry)
        with ThreadPoolExecutor(self._parallel, thread_name_prefix="drain") as pool:
            for result in [pool.submit(work, path, stop) for path in self._directories]:
                result.result()
        self._progress.finish()
        if health:
            health.close()

    def checks(self) -> Mapping[str, Check]:
        """Ready when the last attempt on every spool succeeded."""
        return {"carrier": self._check}

    def close(self) -> None:
        """Release the carrier."""
        self._publisher.close()

    def _check(self) -> None:
        for path, problem in list(self._problems.items()):
            raise BrokerUnavailable(f"{path}: {problem}")

    def _ring_on(self, stop: threading.Event) -> None:
        """Wake those that wait for messages as soon as there is something else to do: end."""
        stop.wait()
        for directory in self._directories:
            ring(directory)

    def _drain(self, directory: Path) -> Drain:
        return Drain(directory, self._publisher, batch_messages=self._batch_messages)

    def _drain_once(self, directory: Path, stop: threading.Event) -> None:
        with self._drain(directory) as drain:
            try:
                if not drain.acquire():
                    self._end(directory, None, "another process drains it")
                    return
                done = drain.drain(stop=stop.is_set, progress=self._progress.of(directory))
            except PilothouseError as exc:
                self._end(directory, None, str(exc))
                return
        left = "stopped before the end" if stop.is_set() else ""
        if done.unreadable:
            left = f"{done.unreadable} files cannot be read by this user"
        self._end(directory, done, left)

    def _end(self, directory: Path, done: Drained | None, problem: str) -> None:
        code = LEFT if problem else QUARANTINED if done and done.quarantined else DONE
        with self._lock:
            self.exit_code = min(filter(None, (self.exit_code, code)), default=DONE)
        self._progress.report(directory, done, problem)

    def _follow_one(self, directory: Path, stop: threading.Event) -> None:
        backoff = Backoff()
        with self._drain(directory) as drain:
            while not stop.is_set():
                try:
                    mine = drain.acquire()
                    if mine:
                        drain.drain(stop=stop.is_set, progress=self._metrics.of_drain())
                    self._note(directory, "" if mine else "another process drains it")
                except PilothouseError as exc:
                    self._note(directory, str(exc))
                    stop.wait(backoff.next_seconds())
                    continue
                backoff.reset()
                if mine:
                    drain.wait(0 if stop.is_set() else LOOK_SECONDS)
                else:
                    stop.wait(LOOK_SECONDS)

    def _note(self, directory: Path, problem: str) -> None:
        """Log when a spool begins to fail and when it works again, not every time."""
        before = self._problems.get(directory, "")
        if problem:
            self._problems[directory] = problem
            if not before:
                log.warning("spool waits", extra={"spool": str(directory), "reason": problem})
        elif before:
            del self._problems[directory]
            log.info("spool is sent again", extra={"spool": str(directory)})


def build(
    settings: SenderSettings,
    directories: Sequence[Path],
    *,
    follow: bool,
    progress: Progress,
    publisher: Publisher | None = None,
) -> SenderService:
    """Make the sender.

    Raises:
        ConfigError: Wrong carrier, no such directory, or a spool drained into itself.
    """
    paths = list(dict.fromkeys(path.resolve() for path in directories))
    for path in paths:
        if not follow and not path.is_dir():
            raise ConfigError(f"{path}: no such directory")
    carrier = publisher or open_publisher(
        settings.broker_url,
        name="pilothouse-sender",
        token=settings.token,
        timeout_seconds=settings.publish_timeout_seconds,
    )
    if isinstance(carrier, Spool) and carrier.directory.resolve() in paths:
        raise ConfigError(f"{carrier.directory}: this spool would be drained into itself")
    return SenderService(
        paths,
        carrier,
        follow=follow,
        batch_messages=settings.batch_messages,
        parallel=settings.parallel_spools,
        progress=progress,
        health=(settings.health_host, settings.health_port) if settings.health_port >= 0 else None,
    )


@contextmanager
def open_dead_letters(settings: SenderSettings) -> Iterator[DeadLetters]:
    """Open the dead letters of the broker that the settings name.

    Raises:
        ConfigError: The carrier is not a broker.
        BrokerUnavailable: It cannot be reached.
    """
    broker = open_broker(settings.broker_url, name="pilothouse-sender")
    try:
        broker.check()
        with DeadLetters(broker) as box:
            yield box
    finally:
        broker.close()
