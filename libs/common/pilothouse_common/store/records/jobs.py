"""Jobs: one, a page of those that fit, those that run."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, selectinload

from pilothouse_common.contract.scopes import Restriction
from pilothouse_common.errors import Malformed
from pilothouse_common.store.records.models import NAME_KEY_LENGTH, Allocation, Job
from pilothouse_common.store.records.paging import Order, Page, fetch_page

JobSort = Literal["-start_time", "start_time", "-end_time", "end_time", "-job_id", "job_id"]
JOB_SORTS: tuple[JobSort, ...] = get_args(JobSort)
EVERYTHING = Restriction()
LIVE_STATES = ("PENDING", "RUNNING", "SUSPENDED")
_REFERENCE = re.compile(r"(\d{1,16})(?:([_+])(\d{1,16}))?", re.ASCII)
_AFTER_EVERY_CHARACTER = "\U0010ffff"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs; every part that is set must hold, any value of a part may.

    Attributes:
        name: The whole name, or its beginning when it ends in ``*``.
        node: Jobs that had this node.
        start: With ``end``: jobs that overlapped this time (by their last start, when requeued).
            Pending and running jobs have no end yet.
        visible: What the caller may see, besides what it asks for.
    """

    cluster: str | None = None
    users: Sequence[str] = ()
    accounts: Sequence[str] = ()
    partitions: Sequence[str] = ()
    states: Sequence[str] = ()
    node: str | None = None
    name: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    visible: Restriction = EVERYTHING


class JobRepository:
    """Reads jobs. Job.allocations is loaded by get() only."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def page(
        self,
        wanted: JobFilter,
        *,
        sort: JobSort = "-start_time",
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Job]:
        """Return one page, with allocations not loaded.

        By start_time, jobs that have not started stand at their submit_time; by end_time, jobs that have
        not ended stand after all others.

        Raises:
            Malformed: A cursor that this list with this sort did not give out.
        """
        statement = select(Job).where(*_conditions(wanted))
        listed: tuple[Any, ...] = (Job.listed_time, Job.id)
        if wanted.node is not None:
            statement = statement.join(Allocation, Allocation.job_pk == Job.id).where(
                Allocation.hostname == wanted.node, Allocation.listed
            )
            listed = (Allocation.listed_time, Allocation.job_pk)
        return fetch_page(self._session, statement, _order(sort, listed), cursor, limit)

    def get(
        self,
        reference: int | str,
        *,
        cluster: str | None = None,
        submit_time: datetime | None = None,
        visible: Restriction = EVERYTHING,
    ) -> Job | None:
        """Return the newest job of this id, with its allocations.

        Args:
            reference: Job id, ``123_4`` (array job and task) or ``123+1`` (heterogeneous component).
            cluster: Needed where several clusters use the same ids.
            submit_time: An older job of this id.
            visible: What the caller may see.

        Raises:
            Malformed: A reference of another form.
        """
        statement = select(Job).where(*_referenced(reference), *_visible(visible))
        if cluster is not None:
            statement = statement.where(Job.cluster == cluster)
        if submit_time is not None:
            statement = statement.where(Job.submit_time == submit_time)
        newest = statement.order_by(Job.listed_time.desc(), Job.id.desc()).limit(1)
        return self._session.scalar(newest.options(selectinload(Job.allocations)))

    def running_on(
        self, cluster: str, hostnames: Sequence[str], *, visible: Restriction = EVERYTHING
    ) -> dict[str, list[int]]:
        """Return the ids of the jobs that run on nodes now; nodes without one are left out."""
        statement = (
            select(Allocation.hostname, Job.job_id)
            .join(Job, Job.id == Allocation.job_pk)
            .where(
                Allocation.cluster == cluster,
                Allocation.hostname.in_(hostnames),
                Allocation.end_time.is_(None),
                Job.state == "RUNNING",
                *_visible(visible),
            )
            .order_by(Allocation.hostname, Job.job_id)
        )
        found: dict[str, list[int]] = {}
        for hostname, job_id in self._session.execute(statement):
            found.setdefault(hostname, []).append(job_id)
        return found

    def counts(
        self, cluster: str | None = None, *, visible: Restriction | None = None
    ) -> dict[str, dict[str, int]]:
        """Return how many jobs are in each live state, ``{cluster: {state: number}}``."""
        statement = select(Job.cluster, Job.state, func.count()).where(
            Job.state.in_(LIVE_STATES), *_visible(visible or Restriction())
        )
        if cluster is not None:
            statement = statement.where(Job.cluster == cluster)
        found: dict[str, dict[str, int]] = {}
        for name, state, number in self._session.execute(
            statement.group_by(Job.cluster, Job.state)
        ):
            found.setdefault(name, {})[state] = number
        return found


def _order(sort: JobSort, listed: tuple[Any, ...]) -> Order:
    if sort not in JOB_SORTS:
        raise Malformed(f"sort: {sort!r} is none of {', '.join(JOB_SORTS)}")
    key = sort.removeprefix("-")
    columns, kind, attribute = {
        "start_time": (listed, datetime, "listed_time"),
        "end_time": ((Job.listed_end_time, Job.id), datetime, "listed_end_time"),
        "job_id": ((Job.job_id, Job.id), int, "job_id"),
    }[key]
    return Order(f"jobs {sort}", columns, (kind, int), (attribute, "id"), sort.startswith("-"))


def _conditions(wanted: JobFilter) -> list[ColumnElement[bool]]:
    found = _visible(wanted.visible)
    if wanted.cluster is not None:
        found.append(Job.cluster == wanted.cluster)
    for column, values in (
        (Job.user, wanted.users),
        (Job.account, wanted.accounts),
        (Job.partition, wanted.partitions),
        (Job.state, wanted.states),
    ):
        if values:
            found.append(column == values[0] if len(values) == 1 else column.in_(values))
    if wanted.name is not None:
        found += _named(wanted.name)
    if wanted.start is not None:
        found.append(Job.listed_end_time >= wanted.start)
    if wanted.end is not None:
        found.append(Job.listed_time < wanted.end)
    return found


def _named(name: str) -> list[ColumnElement[bool]]:
    if not name.endswith("*"):
        found = [Job.name_key == name[:NAME_KEY_LENGTH]]
        return found if len(name) < NAME_KEY_LENGTH else [*found, Job.name == name]
    start = name[:-1]
    if not start:
        return []
    key = start[:NAME_KEY_LENGTH]
    found = [Job.name_key >= key, Job.name_key <= key + _AFTER_EVERY_CHARACTER]
    if start != key:
        found.append(Job.name.startswith(start, autoescape=True))
    return found


def _visible(visible: Restriction) -> list[ColumnElement[bool]]:
    pairs = (
        (Job.cluster, visible.cluster),
        (Job.user, visible.user),
        (Job.account, visible.account),
        (Job.job_id, visible.job_id),
    )
    return [column == value for column, value in pairs if value is not None]


def _referenced(reference: int | str) -> list[ColumnElement[bool]]:
    match = _REFERENCE.fullmatch(str(reference))
    if match is None:
        raise Malformed(f"job id: {str(reference)[:40]!r} is not of the form 123, 123_4 or 123+1")
    first, separator, second = match.groups()
    if separator == "_":
        return [Job.array_job_id == int(first), Job.array_task_id == int(second)]
    if separator == "+":
        return [Job.het_job_id == int(first), Job.het_job_offset == int(second)]
    return [Job.job_id == int(first)]
