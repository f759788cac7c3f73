"""The answer to "who is asking"."""

from dataclasses import dataclass
from datetime import datetime

from msgspec import structs
from pilothouse_common.contract.scopes import Restriction


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified token.

    Attributes:
        jti: The token's id; its row can be revoked.
        subject: User name, or name of a service.
        scopes: What it may do.
        restriction: On what.
        expiry_time: When it ends.
    """

    jti: str
    subject: str
    scopes: frozenset[str]
    restriction: Restriction
    expiry_time: datetime

    @property
    def sees_all(self) -> bool:
        """Whether it sees every user's jobs (within its restriction)."""
        return "admin:all" in self.scopes

    @property
    def sees_nodes(self) -> bool:
        """Whether nodes exist for it: a node belongs to a cluster, to no user, account, job or run."""
        r = self.restriction
        return r.user is None and r.account is None and r.job_id is None and r.run_id is None

    def visible_jobs(self) -> Restriction | None:
        """Return what a job must be for this caller to see it, or None: it sees none.

        Everybody sees their own jobs, ``admin:all`` those of all; a restriction narrows both.
        """
        r = self.restriction
        user = None if self.sees_all else self.subject
        if r.run_id is not None or (user and r.user is not None and r.user != user):
            return None
        return Restriction(
            cluster=r.cluster, user=user or r.user, account=r.account, job_id=r.job_id
        )

    @property
    def sees_runs_by_user(self) -> bool:
        """Whether nothing but cluster and user says which runs it sees, as the event stream needs."""
        r = self.restriction
        return r.account is None and r.job_id is None and r.run_id is None

    def visible_runs(self) -> Restriction | None:
        """Return what a run must be for this caller to see it, or None: it sees none (as for jobs)."""
        r = self.restriction
        user = None if self.sees_all else self.subject
        if user and r.user is not None and r.user != user:
            return None
        return structs.replace(r, user=user or r.user)
