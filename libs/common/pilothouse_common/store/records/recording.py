"""Events in: each stored once, and the records they are about computed anew, in one transaction."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import ARRAY, BigInteger, CursorResult, bindparam, func, or_, select, text, update
from sqlalchemy.orm import Session

from pilothouse_common.contract.events import Event
from pilothouse_common.errors import StoreUnavailable
from pilothouse_common.store.records.fold import fold
from pilothouse_common.store.records.job_writer import replace_jobs
from pilothouse_common.store.records.models import StoredEvent, table_of
from pilothouse_common.store.records.node_writer import insert_into, make_clusters, report_nodes
from pilothouse_common.store.records.outcome import JobRecord
from pilothouse_common.store.records.run_writer import record_runs
from pilothouse_common.store.records.stored_events import (
    JobKey,
    from_row,
    job_key,
    rows_of_jobs,
    to_row,
)

EventKey = tuple[str, str]
_LOCKS = 2048
"""Jobs share this many locks: a server has room for some thousands in all."""
_SEQUENCE_LOCK = 0x70696C6F_00000000


def record_events(session: Session, events: Sequence[Event], *, now: datetime) -> int:
    """Store the events that are new and bring clusters, nodes, jobs and runs up to date.

    Call it once per transaction, as its last step, with hundreds of events: it holds the lock that
    makes ``seq`` rise in the order of commits from its end to the commit. Several workers may record at
    once; events of one job wait for each other.

    Args:
        session: From Records.session().
        events: In any order, also doubled, also stored already.
        now: When they were received.

    Returns:
        How many were new.

    Raises:
        Rejected: An event holds what the store cannot keep. Nothing of the call is stored; send the
            events singly to find it.
        StoreUnavailable: Try the whole transaction again.
    """
    batch = {(event.source, event.id): event for event in reversed(events)}
    if not batch:
        return 0
    _lock(session, batch.values())
    known = _known(session, batch)
    new = {key: event for key, event in batch.items() if key not in known}
    if not new:
        return 0
    make_clusters(session, (event.data.cluster for event in new.values()), now)
    report_nodes(session, new.values(), now)
    record_runs(session, new.values())
    users = _record_jobs(session, new)
    rows = [
        to_row(event, received=now, user=users.get(key))
        for key, event in sorted(new.items(), key=lambda item: (item[1].time, item[0]))
    ]
    _store(session, rows)
    return len(rows)


def _lock(session: Session, events: Iterable[Event]) -> None:
    """Let nobody else record events of the same jobs and nodes until the commit."""
    if session.get_bind().dialect.name == "sqlite":
        return  # the transaction is the only writer
    numbers = sorted({_lock_number(event) for event in events})
    taken = func.unnest(bindparam("numbers", numbers, ARRAY(BigInteger))).column_valued("number")
    session.execute(select(func.count(func.pg_advisory_xact_lock(taken))))


def _lock_number(event: Event) -> int:
    digest = blake2b(event.data.subject.encode(), digest_size=8).digest()
    return int.from_bytes(digest) % _LOCKS


def _known(session: Session, batch: Mapping[EventKey, Event]) -> set[EventKey]:
    by_source: dict[str, list[str]] = {}
    for source, event_id in batch:
        by_source.setdefault(source, []).append(event_id)
    table = table_of(StoredEvent)
    found = or_(
        *(
            (table.c.source == source) & table.c.event_id.in_(ids)
            for source, ids in by_source.items()
        )
    )
    rows = session.execute(select(table.c.source, table.c.event_id).where(found))
    return {(row.source, row.event_id) for row in rows}


def _record_jobs(session: Session, new: Mapping[EventKey, Event]) -> dict[EventKey, str]:
    """Compute the jobs of the new events; return the users that are known of their events."""
    by_job: dict[JobKey, list[Event]] = {}
    for event in new.values():
        key = job_key(event)
        if key is not None:
            by_job.setdefault(key, []).append(event)
    if not by_job:
        return {}
    stored = rows_of_jobs(session, sorted(by_job))
    for row in stored:
        by_job[row.cluster, row.job_id].append(from_row(row))
    jobs = {key: fold(events) for key, events in by_job.items()}
    replace_jobs(session, jobs)
    users = _users(record for records in jobs.values() for record in records)
    late = [
        {"the_seq": row.seq, "the_user": user}
        for row in stored
        if row.user is None and (user := users.get((row.source, row.event_id)))
    ]
    if late:
        table = table_of(StoredEvent)
        where = table.c.seq == bindparam("the_seq")
        session.execute(update(table).where(where).values(user=bindparam("the_user")), late)
    return users


def _users(records: Iterable[JobRecord]) -> dict[EventKey, str]:
    return {
        (event.source, event.id): record.values["user"]
        for record in records
        if record.values["user"]
        for event in record.events
    }


def _store(session: Session, rows: list[dict[str, Any]]) -> None:
    """Insert events under a lock that ends with the commit: seq then rises with the commits."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _SEQUENCE_LOCK})
    statement = insert_into(session, table_of(StoredEvent)).on_conflict_do_nothing().inline()
    stored = session.execute(statement, rows, execution_options={"preserve_rowcount": True})
    assert isinstance(stored, CursorResult)
    if stored.rowcount != len(rows):
        raise StoreUnavailable("record store: another job's event has the same source and id")
