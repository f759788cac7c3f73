"""Looks at the scheduler's jobs again and again and publishes what changed."""

import logging
import threading
from datetime import datetime

from pilothouse_common.backoff import Backoff
from pilothouse_common.broker.port import Publisher
from pilothouse_common.contract.events import Event, event_message
from pilothouse_common.errors import PilothouseError, SchedulerUnavailable
from pilothouse_common.runtime.clock import Clock

from pilothouse_dispatcher.changes import Told, changes, gone
from pilothouse_dispatcher.slurm.job import SlurmJob
from pilothouse_dispatcher.snapshot import Scheduler, Snapshot

log = logging.getLogger(__name__)
BATCH = 500
SHARE = 10
"""A look that takes t seconds is followed by at least SHARE x t of rest, so that it is no load."""


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
        self._snapshot = Snapshot(scheduler)
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
        look = self._snapshot.look()
        told = {job_id: before for job_id, before in self._told.items() if job_id in look.known}
        events: list[Event] = []
        for job in look.changed:
            new, told[job.job_id] = self._changes(job, now)
            events += new
        for job_id in self._told.keys() - told.keys():
            events += self._gone(job_id, now)
        try:
            for start in range(0, len(events), BATCH):
                self._publisher.publish(list(map(event_message, events[start : start + BATCH])))
        except PilothouseError:
            self._snapshot.forget()
            raise
        self._told = told
        return len(events)

    def _changes(self, job: SlurmJob, now: datetime) -> tuple[list[Event], Told]:
        return changes(self._told.get(job.job_id), job, cluster=self._cluster, now=now)

    def _gone(self, job_id: int, now: datetime) -> list[Event]:
        """End a job that the scheduler has forgotten: as accounting tells it, or as one that is gone."""
        told = self._told[job_id]
        if told.finished:
            return []
        job = self._scheduler.accounted(job_id, submit_time=told.submit_time)
        if job is not None and job.ended:
            return self._changes(job, now)[0]
        return gone(job_id, told, cluster=self._cluster, now=now)

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
