"""Looks at the scheduler's jobs again and again and publishes what changed."""

import logging
import threading
from typing import Protocol

from pilothouse_common.backoff import Backoff
from pilothouse_common.broker.port import Publisher
from pilothouse_common.contract.events import event_message
from pilothouse_common.errors import PilothouseError, SchedulerUnavailable
from pilothouse_common.runtime.clock import Clock

from pilothouse_dispatcher.changes import Told, changes
from pilothouse_dispatcher.slurm.job import SlurmJob

log = logging.getLogger(__name__)
BATCH = 500
SHARE = 10
"""A look that takes t seconds is followed by at least SHARE x t of rest, so that it is no load."""


class Scheduler(Protocol):
    """Where jobs are looked up."""

    def jobs(self) -> list[SlurmJob]:
        """Return every job that the scheduler still knows."""


class Watcher:
    """Compares snapshots; remembers what it told of the jobs that the scheduler still knows.

    Args:
        scheduler: Asked at every look.
        publisher: Gets the events; what it does not take is told again at the next look.
        cluster: Name in our messages.
        interval_seconds: Between looks.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        publisher: Publisher,
        *,
        cluster: str,
        interval_seconds: float,
        clock: Clock,
    ) -> None:
        self._scheduler = scheduler
        self._publisher = publisher
        self._cluster = cluster
        self._interval = interval_seconds
        self._clock = clock
        self._backoff = Backoff(first_seconds=interval_seconds, max_seconds=60)
        self._told: dict[int, Told] = {}
        self._problem = "the scheduler has not been asked yet"

    def run(self, stop: threading.Event) -> None:
        """Look until ``stop`` is set."""
        while not stop.is_set():
            stop.wait(self._try_look())

    def look(self) -> int:
        """Take one snapshot and publish what is new; return the number of events.

        Raises:
            PilothouseError: The scheduler did not answer, or the carrier did not take the events.
        """
        now = self._clock.now()
        jobs = self._scheduler.jobs()
        told: dict[int, Told] = {}
        messages = []
        for job in jobs:
            events, after = changes(self._told.get(job.job_id), job, cluster=self._cluster, now=now)
            told[job.job_id] = after
            messages += [event_message(event) for event in events]
        for start in range(0, len(messages), BATCH):
            self._publisher.publish(messages[start : start + BATCH])
        self._told = told
        return len(messages)

    def check(self) -> None:
        """Raise SchedulerUnavailable when the last look failed (readiness)."""
        if self._problem:
            raise SchedulerUnavailable(self._problem)

    def _try_look(self) -> float:
        """Look once; return how long to wait for the next time."""
        begin = self._clock.monotonic()
        try:
            count = self.look()
        except PilothouseError as exc:
            if str(exc) != self._problem:
                log.warning("cannot watch the scheduler", extra={"problem": str(exc)})
            self._problem = str(exc) or type(exc).__name__
            return self._backoff.next_seconds()
        if self._problem:
            log.info("watching the scheduler", extra={"jobs": len(self._told)})
        log.debug("looked at the scheduler", extra={"events": count})
        self._problem = ""
        self._backoff.reset()
        return max(self._interval, SHARE * (self._clock.monotonic() - begin))
