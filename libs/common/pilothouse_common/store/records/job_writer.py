"""Folded jobs into their tables: what is there keeps its key, what did not change is not written."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, or_, select, update
from sqlalchemy.orm import Session

from pilothouse_common.store.records.models import Allocation, Job, table_of
from pilothouse_common.store.records.outcome import JobRecord
from pilothouse_common.store.records.stored_events import JobKey

_JOBS = table_of(Job)
_ALLOCATIONS = table_of(Allocation)
Values = dict[str, Any]


def replace_jobs(session: Session, jobs: Mapping[JobKey, Sequence[JobRecord]]) -> None:
    """Make the tables say what the records say, for all jobs of these ids."""
    there: dict[JobKey, list[Row[Any]]] = {key: [] for key in jobs}
    for row in _rows(session, jobs):
        there[row.cluster, row.job_id].append(row)
    inserts: list[JobRecord] = []
    updates: list[Values] = []
    deletes: list[int] = []
    placed: list[tuple[int, JobRecord]] = []
    for key, records in jobs.items():
        pairs, gone = _pair(records, there[key])
        deletes += [row.id for row in gone]
        for record, own in pairs:
            if own is None:
                inserts.append(record)
                continue
            placed.append((own.id, record))
            if _differs(record.values, own):
                updates.append({"key": own.id, **_renamed(record.values)})
    _delete(session, deletes)
    if updates:
        session.execute(_update(_JOBS, list(placed[0][1].values)), updates)
    known = {pk for pk, _ in placed}
    if inserts:
        statement = insert(_JOBS).returning(_JOBS.c.id, sort_by_parameter_order=True)
        made = session.scalars(statement, [record.values for record in inserts])
        placed += zip(made, inserts, strict=True)
    _replace_allocations(session, placed, known)


def _delete(session: Session, keys: Sequence[int]) -> None:
    if keys:
        session.execute(delete(_ALLOCATIONS).where(_ALLOCATIONS.c.job_pk.in_(keys)))
        session.execute(delete(_JOBS).where(_JOBS.c.id.in_(keys)))


def _rows(session: Session, keys: Iterable[JobKey]) -> Sequence[Row[Any]]:
    by_cluster: dict[str, list[int]] = {}
    for cluster, job_id in keys:
        by_cluster.setdefault(cluster, []).append(job_id)
    wanted = or_(
        *((_JOBS.c.cluster == c) & _JOBS.c.job_id.in_(ids) for c, ids in by_cluster.items())
    )
    return session.execute(select(_JOBS).where(wanted).order_by(_JOBS.c.ordinal)).all()


def _pair(
    records: Sequence[JobRecord], rows: Sequence[Row[Any]]
) -> tuple[list[tuple[JobRecord, Row[Any] | None]], list[Row[Any]]]:
    """Give each record the row that was its own: of the same times, else of the same place."""
    left = list(rows)
    found: dict[int, Row[Any]] = {}
    for name in ("start_time", "submit_time", "ordinal"):
        for index, record in enumerate(records):
            wanted = record.values[name]
            row = next((r for r in left if wanted is not None and getattr(r, name) == wanted), None)
            if index not in found and row is not None:
                found[index] = row
                left.remove(row)
    for index in range(len(records)):
        if index not in found and left:
            found[index] = left.pop(0)
    return [(record, found.get(index)) for index, record in enumerate(records)], left


def _replace_allocations(
    session: Session, placed: Sequence[tuple[int, JobRecord]], known: set[int]
) -> None:
    there: dict[tuple[int, int, str], Row[Any]] = {}
    if known:
        wanted = select(_ALLOCATIONS).where(_ALLOCATIONS.c.job_pk.in_(known))
        there = {(row.job_pk, row.restart, row.hostname): row for row in session.execute(wanted)}
    inserts: list[Values] = []
    updates: list[Values] = []
    for pk, record in placed:
        for values in _allocation_values(pk, record):
            row = there.pop((pk, values["restart"], values["hostname"]), None)
            if row is None:
                inserts.append(values)
            elif _differs(values, row):
                updates.append({"key": row.id, **_renamed(values)})
    session.execute(
        delete(_ALLOCATIONS).where(_ALLOCATIONS.c.id.in_([row.id for row in there.values()]))
    )
    if updates:
        session.execute(
            _update(_ALLOCATIONS, [c.name for c in _ALLOCATIONS.c if c.name != "id"]), updates
        )
    if inserts:
        session.execute(insert(_ALLOCATIONS), inserts)


def _allocation_values(pk: int, record: JobRecord) -> Iterable[Values]:
    for each in record.allocations:
        yield {
            "job_pk": pk,
            "cluster": record.values["cluster"],
            "hostname": each.hostname,
            "restart": each.restart,
            "listed_time": record.values["listed_time"],
            "start_time": each.start_time,
            "end_time": each.end_time,
            "gpu_ids": list(each.gpu_ids),
            "listed": each.listed,
        }


def _differs(values: Values, row: Row[Any]) -> bool:
    there = row._mapping  # noqa: SLF001 SQLAlchemy's public name
    return any(value != there[name] for name, value in values.items())


def _renamed(values: Values) -> Values:
    return {f"new_{name}": value for name, value in values.items()}


def _update(table: Any, names: Sequence[str]) -> Any:
    new: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
    return update(table).where(table.c.id == bindparam("key")).values(new)
