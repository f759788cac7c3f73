"""Runs as their callers may see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from pilothouse_common.contract.scopes import Restriction
from pilothouse_common.store.records.models import Job, Run
from pilothouse_common.store.records.paging import Order, Page, fetch_page

EVERYTHING = Restriction()
_NEWEST_FIRST = Order(
    "runs", (Run.listed_time, Run.run_id), (datetime, str), ("listed_time", "run_id"), True
)


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs; empty and None do not narrow.

    Attributes:
        visible: What the caller may see.
    """

    cluster: str | None = None
    users: Sequence[str] = ()
    states: Sequence[str] = ()
    job_id: int | None = None
    visible: Restriction = EVERYTHING


class RunRepository:
    """Reads runs; record_events() writes them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def page(self, wanted: RunFilter, *, cursor: str | None = None, limit: int = 50) -> Page[Run]:
        """Return one page, the newest first.

        Raises:
            Malformed: A cursor that this list did not give out.
        """
        statement = select(Run).where(*_visible(wanted.visible))
        if wanted.cluster is not None:
            statement = statement.where(Run.cluster == wanted.cluster)
        if wanted.users:
            statement = statement.where(Run.user.in_(wanted.users))
        if wanted.states:
            statement = statement.where(Run.state.in_(wanted.states))
        if wanted.job_id is not None:
            statement = statement.where(Run.job_id == wanted.job_id)
        return fetch_page(self._session, statement, _NEWEST_FIRST, cursor, limit)

    def get(self, run_id: str, *, visible: Restriction) -> Run | None:
        """Return a run that may be seen."""
        return self._session.scalar(select(Run).where(Run.run_id == run_id, *_visible(visible)))


def _visible(visible: Restriction) -> list[ColumnElement[bool]]:
    pairs = (
        (Run.cluster, visible.cluster),
        (Run.user, visible.user),
        (Run.job_id, visible.job_id),
        (Run.run_id, visible.run_id),
    )
    found: list[ColumnElement[bool]] = [
        column == value for column, value in pairs if value is not None
    ]
    if visible.account is not None:
        of_account = exists().where(
            Job.cluster == Run.cluster, Job.job_id == Run.job_id, Job.account == visible.account
        )
        found.append(of_account)
    return found
