"""Everything that is asked of Slurm, over slurmrestd, in any version of its API."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from pilothouse_common.errors import Malformed, NotFound

from pilothouse_dispatcher.slurm import wire, wire_db, wire_nodes
from pilothouse_dispatcher.slurm.answers import (
    Answer,
    Refused,
    problem_of,
    signalled_job,
    submitted_job,
)
from pilothouse_dispatcher.slurm.description import JobDescription, check
from pilothouse_dispatcher.slurm.encode import minutes
from pilothouse_dispatcher.slurm.job import SlurmJob
from pilothouse_dispatcher.slurm.nodes import SlurmNode, SlurmPartition, SlurmReservation
from pilothouse_dispatcher.slurm.session import Session
from pilothouse_dispatcher.slurm.transport import segment

T = TypeVar("T")
REQUEUE_FROM = "v0.0.45"


@dataclass(frozen=True, slots=True)
class Submitted:
    """A job that Slurm has taken, and what it remarked."""

    job_id: int
    remarks: list[str]


class SlurmClient:
    """One cluster's scheduler. Used by one thread.

    Every call raises SchedulerUnavailable (not now), Unauthenticated (the token) and Malformed (an answer
    of no known form); calls that change something also OutcomeUnknown (look before asking again), Refused
    and NotFound. ``user`` acts as somebody else, where the token allows it.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._has_states = True

    @property
    def version(self) -> str | None:
        """The API version in use; None until the first answer."""
        return self._session.version

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def jobs(self) -> list[SlurmJob]:
        """Return every job that slurmctld still knows: about 4 to 9 kB of traffic for each."""
        return self._read("jobs", wire.decode_jobs)

    def job(self, job_id: int) -> SlurmJob | None:
        """Return one job; None when slurmctld does not know it (any more)."""
        try:
            found = self._read(f"job/{job_id}", wire.decode_jobs)
        except NotFound:
            return None
        return next(
            (row for row in found if row.job_id == job_id), None
        )  # an array's: all its rows

    def states(self) -> dict[int, tuple[str, ...]] | None:
        """Return the states of all jobs by id, for about 79 bytes each; None before Slurm 24.05."""
        if not self._has_states:
            return None
        answer = self._session.call("GET", "jobs/state/")
        if answer.status == 404:
            self._has_states = False
            return None
        return self._decoded("jobs/state/", answer, wire.decode_states)

    def accounted(self, job_id: int, *, submit_time: datetime | None) -> SlurmJob | None:
        """Return a job from accounting; None where there is no accounting, or no such job in it.

        Args:
            job_id: Its id, which may have been used again since.
            submit_time: Tells which of them; a requeue may have changed it by then.
        """
        answer = self._session.call("GET", f"job/{job_id}", api="slurmdb")
        if answer.status != 200:
            return None
        rows = self._decoded(f"slurmdb/job/{job_id}", answer, wire_db.decode_accounted)
        return next((row for row in rows if row.submit_time == submit_time), None)

    def nodes(self) -> list[SlurmNode]:
        """Return every node."""
        return self._read("nodes", wire_nodes.decode_nodes)

    def partitions(self) -> list[SlurmPartition]:
        """Return every partition."""
        return self._read("partitions", wire_nodes.decode_partitions)

    def reservations(self) -> list[SlurmReservation]:
        """Return every reservation."""
        return self._read("reservations", wire_nodes.decode_reservations)

    def diag(self) -> dict[str, Any]:
        """Return the scheduler's own statistics as it names them (sdiag(1))."""
        return self._read("diag", lambda body: msgspec.json.decode(body, type=_Diag).statistics)

    def submit(self, job: JobDescription, *, user: str = "") -> Submitted:
        """Submit one job. After an unknown outcome only its own mark (comment, name) tells what it was."""
        body = self._session.dialect().submission(check(job))
        answer = self._session.call("POST", "job/submit", body=body, user=user)
        return Submitted(*submitted_job(answer))

    def cancel(self, job_id: int, *, signal: str = "", user: str = "") -> None:
        """End a job, or send it a signal (``USR1``).

        Slurm 24.11 answers v0.0.40 and v0.0.41 with success for unknown and ended jobs, and so does 22.05
        for ended ones; slurmctld 24.11 to 26.05 without slurmdbd hangs for good when an ordinary ``user``
        cancels somebody else's job, so callers check whose it is.

        Raises:
            AlreadyDone: It had ended, where Slurm says so.
        """
        query = f"?signal={segment(signal)}" if signal else ""
        signalled_job(self._session.call("DELETE", f"job/{job_id}{query}", user=user))

    def hold(self, job_id: int, *, user: str = "") -> None:
        """Keep a pending job from starting."""
        self.update(job_id, {"hold": True}, user=user)

    def release(self, job_id: int, *, user: str = "") -> None:
        """Let a held job start."""
        self.update(job_id, {"hold": False}, user=user)

    def requeue(self, job_id: int, *, user: str = "") -> None:
        """Put a job back into the queue; only the newest API can (by a GET, as 26.05's own document says).

        Raises:
            Refused: An older API, or the job is pending already.
        """
        self._session.dialect()
        if (self.version or "") < REQUEUE_FROM:
            raise Refused(
                f"Slurm's {self.version} has no requeue; it came with {REQUEUE_FROM} (Slurm 26.05)"
            )
        signalled_job(self._session.call("GET", f"job/{job_id}/requeue", user=user))

    def limit_time(self, job_id: int, seconds: int, *, user: str = "") -> None:
        """Set a job's time limit; only an operator may raise it."""
        number = self._session.dialect().number
        self.update(job_id, {"time_limit": number(minutes(seconds) or 1)}, user=user)

    def update(self, job_id: int, fields: dict[str, Any], *, user: str = "") -> None:
        """Change fields of a job as slurmrestd names them (``comment``, ``partition``, ``nice``)."""
        self._changed(self._session.call("POST", f"job/{job_id}", body=fields, user=user))

    def _changed(self, answer: Answer) -> None:
        problem = problem_of(answer)
        if problem is not None:
            raise problem

    def _read(self, path: str, decode: Callable[[bytes], T]) -> T:
        return self._decoded(path, self._session.call("GET", path), decode)

    def _decoded(self, path: str, answer: Answer, decode: Callable[[bytes], T]) -> T:
        if answer.status != 200:
            problem = problem_of(answer)
            assert problem is not None
            raise problem
        try:
            return decode(answer.body)
        except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
            raise Malformed(f"slurmrestd {self.version} /{path}: {exc}") from exc


class _Diag(msgspec.Struct):
    statistics: dict[str, Any] = {}
