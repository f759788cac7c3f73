"""Writes runs: what their events say, in whatever order they come.

A run starts, may lose its agent and start again, and ends. What the newest start told counts; it is
``finished`` when no start was told after the newest end. Each event is merged into the row by the time
it happened, so the order of arrival does not matter, nor does an event that comes twice.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pilothouse_common.contract.events import Event, RunEvent, RunFinished, RunStarted
from pilothouse_common.store.records.models import Run

RUNNING, FINISHED = "running", "finished"
_TOLD = ("name", "user", "uid", "job_id", "rank", "pid", "start_time")


def record_runs(session: Session, events: Iterable[Event]) -> None:
    """Bring the rows of the runs up to date; the caller holds the locks of their subjects."""
    by_run: dict[str, list[Event]] = {}
    for event in events:
        if isinstance(event.data, RunEvent):
            by_run.setdefault(event.data.run_id, []).append(event)
    if not by_run:
        return
    known = {row.run_id: row for row in session.scalars(select(Run).where(Run.run_id.in_(by_run)))}
    for run_id in sorted(by_run):
        row = known.get(run_id)
        for event in by_run[run_id]:
            row = _merge(row, event)
        if row is not None and run_id not in known:
            session.add(row)
    session.flush()


def _merge(row: Run | None, event: Event) -> Run:
    data = event.data
    assert isinstance(data, RunEvent)
    if row is None:
        row = Run(run_id=data.run_id, cluster=data.cluster, hostname=data.hostname)
        row.state, row.listed_time = RUNNING, event.time
    if row.cluster != data.cluster:
        return row  # somebody else's run of the same id: the first keeps it
    if isinstance(data, RunStarted) and _is_newer(row.started_told, event):
        _tell(row, {name: getattr(data, name) for name in _TOLD})
        row.started_told, row.listed_time = event.time, data.start_time
    elif isinstance(data, RunFinished) and _is_newer(row.finished_told, event):
        row.finished_told = event.time
        row.end_time, row.reason = data.end_time, data.reason
        row.user = row.user or data.user
    _settle(row)
    return row


def _is_newer(told: Any, event: Event) -> bool:
    return told is None or event.time > told


def _tell(row: Run, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)


def _settle(row: Run) -> None:
    """Say whether it goes on: a start after the newest end means yes."""
    ended = row.finished_told is not None and (
        row.started_told is None or row.finished_told >= row.started_told
    )
    row.state = FINISHED if ended else RUNNING
