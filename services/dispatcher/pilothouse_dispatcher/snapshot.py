"""The scheduler's jobs, asked for with as little load as its version allows: one snapshot for everybody.

From Slurm 24.05 on ``/jobs/state`` tells all states for 79 bytes a job; only jobs whose state changed are
asked for in full, and a few of the others in turn. Before, all of ``/jobs``.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from pilothouse_dispatcher.slurm.job import ALIVE, SlurmJob

MANY = 200
"""More changed jobs than this are asked for all at once."""
ROUND = 5
"""Jobs of those that have not ended that are asked for at every look, in turn: another reason to wait, a
requeue between two looks."""


class Scheduler(Protocol):
    """Where jobs are looked up: the Slurm client."""

    def jobs(self) -> list[SlurmJob]:
        """Return every job that the scheduler still knows."""

    def job(self, job_id: int) -> SlurmJob | None:
        """Return one of them; None when it is gone."""

    def states(self) -> dict[int, tuple[str, ...]] | None:
        """Return all states, or None where only all jobs can be asked for."""

    def accounted(self, job_id: int, *, submit_time: datetime | None) -> SlurmJob | None:
        """Return a job that the scheduler has forgotten from its accounting, if it has any."""


@dataclass(slots=True)
class Look:
    """What one look saw.

    Attributes:
        changed: Jobs that may have changed since the last look, as they are now.
        known: Ids of all jobs that the scheduler knows.
    """

    changed: list[SlurmJob] = field(default_factory=list)
    known: set[int] = field(default_factory=set)


class Snapshot:
    """Looks again and again; remembers only states.

    Args:
        scheduler: Asked at every look.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._states: dict[int, tuple[str, ...]] = {}
        self._round: deque[int] = deque()

    def look(self) -> Look:
        """Return what changed.

        Raises:
            PilothouseError: The scheduler did not answer; the next look sees what this one missed.
        """
        states = self._scheduler.states()
        if states is None:
            jobs = self._scheduler.jobs()
            return Look(jobs, {job.job_id for job in jobs})
        changed = [job_id for job_id, state in states.items() if self._states.get(job_id) != state]
        if len(changed) > MANY:
            jobs = self._scheduler.jobs()
        else:
            asked = {*changed, *self._some_in_turn(states)}
            found = map(self._scheduler.job, sorted(asked))
            jobs = [job for job in found if job is not None]
        self._states = states
        return Look(jobs, {*states, *(job.job_id for job in jobs)})

    def forget(self) -> None:
        """Take every job for changed at the next look: what this one saw was not told."""
        self._states = {}

    def _some_in_turn(self, states: dict[int, tuple[str, ...]]) -> list[int]:
        """Return the next few in a round over all jobs that have not ended."""
        if not self._round:
            self._round.extend(job_id for job_id, state in states.items() if {*ALIVE} & {*state})
        return [self._round.popleft() for _ in range(min(ROUND, len(self._round)))]
