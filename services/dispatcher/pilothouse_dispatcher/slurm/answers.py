"""What slurmrestd's answers mean. Its HTTP statuses mislead; Slurm's own numbers are looked at first.

Source: recorded answers of 22.05, 24.11 and 26.05; slurm/slurm_errno.h.
"""

from typing import Any

import msgspec
from msgspec import Struct
from pilothouse_common.errors import (
    Malformed,
    NotFound,
    PilothouseError,
    Rejected,
    SchedulerUnavailable,
    Unauthenticated,
)

AUTHENTICATION = (1007, 5005)
"""From 24.11, and before (where a broken connection between slurmrestd and slurmctld has the same)."""
NOT_SENT = (1800,)
"""slurmctld could not be contacted: nothing was done."""
UNKNOWN_OUTCOME = (5004, 1000)
"""slurmctld did not answer in time: it may have done what was asked."""
UNSPECIFIED = -1
NOT_PERMITTED = 1
NO_SUCH_JOB = 2017
ALREADY_DONE = 2021


class OutcomeUnknown(SchedulerUnavailable):
    """It may have been done, or not: look before asking again."""


class Refused(Rejected):
    """Slurm will not do it.

    Attributes:
        number: Slurm's own error number; 0 where it gave none.
    """

    def __init__(self, text: str, number: int = 0) -> None:
        super().__init__(text)
        self.number = number


class _Text(Struct):
    string: str | None = None
    code: int = 0
    message: str | None = None


class _Problem(Struct):
    """One of ``errors[]``; versions name the same things differently."""

    error_number: int | None = None
    error_code: int | None = None
    errno: int | None = None
    error: str | None = None
    description: str | None = None

    @property
    def number(self) -> int:
        return self.error_number or self.error_code or self.errno or 0

    def __str__(self) -> str:
        return f"{self.error or self.description or 'error'} ({self.number})"


class _Warning(Struct):
    description: str | None = None
    warning: str | None = None
    source: str | None = None

    def __str__(self) -> str:
        said = self.description or self.warning or "warning"
        return f"{said} [{self.source}]" if self.source else said


class _Status(Struct):
    """One of ``status[]``, in which newer versions say what became of a signal."""

    error: _Text = msgspec.field(default_factory=_Text)
    step_id: str | None = None


class Envelope(Struct):
    """What any answer may hold beside its rows."""

    errors: list[_Problem] = []
    warnings: list[_Warning] = []
    status: list[_Status] | None = None
    job_id: Any = None
    job_submit_user_msg: str | None = None


class Answer(Struct, frozen=True):
    """One answer as it came."""

    status: int
    body: bytes

    def envelope(self) -> Envelope | None:
        """Return what it says beside rows; None where it is not JSON of that form (plain text, HTML)."""
        try:
            return msgspec.json.decode(self.body, type=Envelope)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None


def problem_of(answer: Answer) -> PilothouseError | None:
    """Return the error that an answer means, or None when it is none."""
    envelope = answer.envelope()
    errors = [] if envelope is None else envelope.errors
    if answer.status == 200 and not errors:
        return None
    said = "; ".join(map(str, errors)) or answer.body[:200].decode("utf-8", "replace").strip()
    return _by_number(
        answer.status, {e.number for e in errors}, f"slurmrestd answered {answer.status}: {said}"
    )


def _by_number(status: int, numbers: set[int], text: str) -> PilothouseError:
    if numbers & {*UNKNOWN_OUTCOME} or status == 504:
        return OutcomeUnknown(text)
    if status in (401, 511) or numbers & {*AUTHENTICATION}:
        return Unauthenticated(f"{text}; look at the token and at the user's name")
    if NO_SUCH_JOB in numbers:
        return NotFound(text)
    named = numbers - {0, UNSPECIFIED, *NOT_SENT}
    if named or (status < 500 and not numbers):
        return Refused(text, min(named, default=0))
    if UNSPECIFIED in numbers:
        text += "; this Slurm says the same of a dead slurmctld and of a token that it refuses"
    return SchedulerUnavailable(text)


def submitted_job(answer: Answer) -> tuple[int, list[str]]:
    """Return the id of the submitted job, and what Slurm remarked.

    A job id decides, whatever the status and ``errors`` say (a held job has both); without one nothing
    was submitted, even with 200.

    Raises:
        OutcomeUnknown: It may have been submitted: search for its mark.
        SchedulerUnavailable: It was not sent; send it again later.
        Unauthenticated: The token is refused.
        Refused: Slurm will not have this job.
        Malformed: An answer of no known form.
    """
    envelope = answer.envelope()
    remarks: list[str] = []
    if envelope is not None:
        remarks = [*map(str, envelope.errors), *map(str, envelope.warnings)]
        remarks += [envelope.job_submit_user_msg] if envelope.job_submit_user_msg else []
        job_id = _whole(envelope.job_id)
        if job_id:
            return job_id, remarks
    problem = problem_of(answer)
    if envelope and {error.number for error in envelope.errors} == {UNSPECIFIED}:
        raise Refused(f"{problem}; a job_submit plugin of the site says it like this", UNSPECIFIED)
    if problem is not None:
        raise problem
    if envelope is None:
        raise Malformed(f"slurmrestd: not an answer to a submit: {answer.body[:200]!r}")
    raise Refused(
        f"slurmrestd took the request and submitted nothing: {'; '.join(remarks) or 'no reason given'}"
    )


def signalled_job(answer: Answer) -> None:
    """Return when a cancel or signal reached the job; from 24.11 the truth is in ``status[]``.

    Raises:
        NotFound: No such job.
        AlreadyDone: It had ended.
        Refused: Not allowed, or not possible.
        PilothouseError: As problem_of says.
    """
    problem = problem_of(answer)
    if isinstance(problem, Refused) and problem.number == ALREADY_DONE:
        raise AlreadyDone(str(problem), ALREADY_DONE) from problem
    if isinstance(problem, Refused) and problem.number == NOT_PERMITTED:
        raise OutcomeUnknown(
            f"{problem}; Slurm says this of a slurmctld that is away, too"
        ) from problem
    if problem is not None:
        raise problem
    envelope = answer.envelope()
    for status in (envelope and envelope.status) or []:
        if status.error.code:
            raise _of_status(status.error)


class AlreadyDone(Refused):
    """The job had ended before the signal."""


def _of_status(error: _Text) -> PilothouseError:
    text = f"slurmrestd: {error.message or error.string or 'error'} ({error.code})"
    if error.code == ALREADY_DONE:
        return AlreadyDone(text, error.code)
    return NotFound(text) if error.code == NO_SUCH_JOB else Refused(text, error.code)


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
