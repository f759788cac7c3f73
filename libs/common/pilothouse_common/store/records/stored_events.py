"""Events as rows and back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, or_, select
from sqlalchemy.orm import Session

from pilothouse_common.contract.events import (
    EVENT_TYPES,
    Event,
    JobEvent,
    JobNodeEvent,
    NodeReported,
    RunEvent,
    RunFinished,
    RunStarted,
)
from pilothouse_common.errors import Rejected
from pilothouse_common.store.records.models import StoredEvent, table_of

_ON_A_NODE = (JobNodeEvent, NodeReported, RunEvent)
JobKey = tuple[str, int]
_COLUMNS = ("seq", "source", "event_id", "type", "time", "cluster", "job_id", "user", "data")


def job_key(event: Event) -> JobKey | None:
    """Return (cluster, job id) of an event that is of a job."""
    data = event.data
    return (data.cluster, data.job_id) if isinstance(data, JobEvent | JobNodeEvent) else None


def to_row(event: Event, *, received: datetime, user: str | None) -> dict[str, Any]:
    """Return the columns of an event.

    Raises:
        Rejected: A text with a NUL byte, which no PostgreSQL text can hold.
    """
    data = event.data
    document = msgspec.json.decode(msgspec.json.encode(data))
    if "\0" in event.id or "\0" in event.source or _has_nul(document):
        raise Rejected(f"event {event.id!r} from {event.source!r}: a text has a NUL character")
    key = job_key(event)
    return {
        "source": event.source,
        "event_id": event.id,
        "type": event.type,
        "time": event.time,
        "received_time": received,
        "cluster": data.cluster,
        "job_id": key[1] if key else None,
        "hostname": data.hostname if isinstance(data, _ON_A_NODE) else None,
        "user": data.user if isinstance(data, RunStarted | RunFinished) else user,
        "data": document,
    }


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, list):
        return any(map(_has_nul, value))
    return isinstance(value, dict) and any(map(_has_nul, value.values()))


def from_row(row: StoredEvent | Row[Any]) -> Event:
    """Return the event that a row holds."""
    kind = EVENT_TYPES[row.type]
    return Event(
        id=row.event_id, source=row.source, time=row.time, data=msgspec.convert(row.data, kind)
    )


def rows_of_jobs(session: Session, keys: Sequence[JobKey]) -> list[Row[Any]]:
    """Return all stored events of some jobs: the columns that from_row() needs, seq and user."""
    by_cluster: dict[str, list[int]] = {}
    for cluster, job_id in keys:
        by_cluster.setdefault(cluster, []).append(job_id)
    if not by_cluster:
        return []
    table = table_of(StoredEvent)
    wanted = or_(
        *(
            (table.c.cluster == cluster) & table.c.job_id.in_(ids)
            for cluster, ids in by_cluster.items()
        )
    )
    return list(session.execute(select(*(table.c[name] for name in _COLUMNS)).where(wanted)))
