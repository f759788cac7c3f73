"""Nodes: what agents reported, joined with the newest samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pilothouse_common.errors import NotFound
from pilothouse_common.store.records.jobs import JobRepository
from pilothouse_common.store.records.models import Node
from pilothouse_common.store.records.nodes import NodeRepository

from pilothouse_api.access.caller import Caller
from pilothouse_api.nodes.newest import Newest
from pilothouse_api.nodes.schemas import Hardware, NodeItem, NodeState
from pilothouse_api.ports import Ports

DOWN_AFTER = timedelta(minutes=15)
UP_INTERVALS = 3
DEFAULT_INTERVAL_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeQuery:
    """Which page of which nodes."""

    cluster: str | None
    hostname: str | None
    state: NodeState | None
    limit: int
    cursor: str | None


def page_of_nodes(
    ports: Ports,
    caller: Caller,
    query: NodeQuery,
) -> tuple[list[NodeItem], str | None]:
    """Return one page and the cursor of the next.

    The state follows from the samples, the order from the records: with ``state`` pages of records are
    read until enough of them fit.
    """
    allowed, cluster = _within(caller, query.cluster)
    if not allowed:
        return [], None
    now = ports.clock.now()
    fitting: list[Node] = []
    cursor = query.cursor
    while True:
        with ports.records.reading() as session:
            page = NodeRepository(session).page(
                cluster=cluster, hostname=query.hostname, cursor=cursor, limit=query.limit
            )
        found = [node for node in page.items if _fits(ports, node, query.state, now)]
        if len(fitting) + len(found) > query.limit:
            break  # a page ends where a page of records ends: the cursor names no place between
        fitting += found
        cursor = page.next_cursor
        if cursor is None or query.state is None:
            break
    return describe_nodes(ports, caller, fitting), cursor


def one_node(ports: Ports, caller: Caller, hostname: str, cluster: str | None) -> NodeItem:
    """Return one node.

    Raises:
        NotFound: No such node, or not for this caller.
        Conflict: Several clusters have one.
    """
    return describe_nodes(ports, caller, [find_node(ports, caller, hostname, cluster)])[0]


def find_node(ports: Ports, caller: Caller, hostname: str, cluster: str | None) -> Node:
    """Return the record of a node.

    Raises:
        NotFound: No such node, or not for this caller.
        Conflict: Several clusters have one.
    """
    allowed, cluster = _within(caller, cluster)
    if allowed:
        node = ports.nodes.find(hostname, cluster)
        if node is not None:
            return node
    raise NotFound(f"no node {hostname!r}")


def describe_nodes(ports: Ports, caller: Caller, nodes: Sequence[Node]) -> list[NodeItem]:
    """Join records with the newest samples and the running jobs that the caller may see."""
    now = ports.clock.now()
    newest: dict[tuple[str, str], Newest] = {}
    running: dict[tuple[str, str], list[int]] = {}
    visible = caller.visible_jobs() if "jobs:read" in caller.scopes else None
    for cluster in sorted({node.cluster for node in nodes}):
        hostnames = [node.hostname for node in nodes if node.cluster == cluster]
        only = hostnames[0] if len(hostnames) == 1 else ""
        for name, each in ports.newest.of(cluster, only).items():
            newest[cluster, name] = each
        if visible is not None:
            with ports.records.reading() as session:
                found = JobRepository(session).running_on(cluster, hostnames, visible=visible)
            running |= {(cluster, name): ids for name, ids in found.items()}
    return [
        _item(node, newest.get((node.cluster, node.hostname), Newest()), running, now)
        for node in nodes
    ]


def state_of(node: Node, last: datetime | None, now: datetime) -> NodeState:
    """Return up, stale or down."""
    if last is None or now - last > DOWN_AFTER:
        return "down"
    interval = node.interval_seconds or DEFAULT_INTERVAL_SECONDS
    return "up" if now - last <= timedelta(seconds=UP_INTERVALS * interval) else "stale"


def _within(caller: Caller, cluster: str | None) -> tuple[bool, str | None]:
    """Return whether the caller sees any node there, and of which cluster."""
    own = caller.restriction.cluster
    if not caller.sees_nodes or (own and cluster and own != cluster):
        return False, None
    return True, own or cluster


def _fits(ports: Ports, node: Node, state: NodeState | None, now: datetime) -> bool:
    if state is None:
        return True
    newest = ports.newest.of(node.cluster).get(node.hostname, Newest())
    return state_of(node, newest.time, now) == state


def _item(
    node: Node, newest: Newest, running: dict[tuple[str, str], list[int]], now: datetime
) -> NodeItem:
    return NodeItem(
        cluster=node.cluster,
        hostname=node.hostname,
        state=state_of(node, newest.time, now),
        last_sample_time=newest.time,
        reported_time=node.reported_time,
        interval_seconds=node.interval_seconds,
        boot_time=node.boot_time,
        agent_version=node.agent_version,
        hardware=Hardware(**node.hardware),
        values=newest.values,
        jobs=running.get((node.cluster, node.hostname), []),
    )
