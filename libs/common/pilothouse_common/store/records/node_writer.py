"""Writes clusters and nodes."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from pilothouse_common.contract.events import Event, NodeReported
from pilothouse_common.store.records.models import Cluster, Node, table_of


def make_clusters(session: Session, names: Iterable[str], now: datetime) -> None:
    """Make the clusters that are not there yet."""
    named = sorted(set(names))
    table = table_of(Cluster)
    there = set(session.scalars(select(table.c.name).where(table.c.name.in_(named))))
    rows = [{"name": name, "first_seen": now} for name in named if name not in there]
    if rows:
        session.execute(insert_into(session, table).on_conflict_do_nothing(), rows)


def report_nodes(session: Session, events: Iterable[Event], now: datetime) -> None:
    """Keep what each node reported last; an older report never replaces a newer one."""
    newest: dict[tuple[str, str], Event] = {}
    for event in sorted(events, key=lambda event: (event.time, event.id)):
        if isinstance(event.data, NodeReported):
            newest[event.data.cluster, event.data.hostname] = event
    if not newest:
        return
    table = table_of(Node)
    statement = insert_into(session, table)
    replaced = {
        column.name: getattr(statement.excluded, column.name)
        for column in table.c
        if column.name not in ("cluster", "hostname", "first_seen")
    }
    statement = statement.on_conflict_do_update(
        index_elements=["cluster", "hostname"],
        set_=replaced,
        where=or_(
            table.c.reported_time.is_(None),
            table.c.reported_time < statement.excluded.reported_time,
        ),
    )
    session.execute(statement, [_node(newest[key], now) for key in sorted(newest)])


def _node(event: Event, now: datetime) -> dict[str, Any]:
    data = event.data
    assert isinstance(data, NodeReported)
    own = ("cluster", "hostname", "boot_time", "interval_seconds", "agent_version")
    told = msgspec.to_builtins(data)
    return {
        **{name: getattr(data, name) for name in own},
        "first_seen": now,
        "reported_time": event.time,
        "hardware": {name: value for name, value in told.items() if name not in own},
    }


def see_nodes(session: Session, nodes: Iterable[tuple[str, str]], now: datetime) -> None:
    """Make records of (cluster, hostname) that send samples, without a report of an agent of ours."""
    rows = [
        {"cluster": cluster, "hostname": hostname, "first_seen": now, "hardware": {}}
        for cluster, hostname in sorted(set(nodes))
    ]
    if rows:
        make_clusters(session, (str(row["cluster"]) for row in rows), now)
        session.execute(insert_into(session, table_of(Node)).on_conflict_do_nothing(), rows)


def insert_into(session: Session, table: Any) -> Any:
    """Return an INSERT of this database's dialect, which knows ON CONFLICT."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    return dialect.insert(table)
