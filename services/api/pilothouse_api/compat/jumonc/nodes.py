"""Which nodes an answer is about: those that the token may see, or the one that ``node=`` names."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pilothouse_common.errors import Malformed, NotFound
from pilothouse_common.runtime.clock import Clock
from pilothouse_common.store.records.database import Records
from pilothouse_common.store.records.jobs import JobRepository
from pilothouse_common.store.records.models import Node
from pilothouse_common.store.records.nodes import NodeRepository

from pilothouse_api.access.caller import Caller
from pilothouse_api.compat.jumonc.numbers import parse_int
from pilothouse_api.compat.jumonc.remembered import Remembered
from pilothouse_api.nodes.service import DEFAULT_INTERVAL_SECONDS

MAX_NODES = 4096
REMEMBERED_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Host:
    """One node, as far as an answer needs it."""

    cluster: str
    hostname: str
    interval_seconds: float
    hardware: dict[str, Any]


class Hosts:
    """Finds nodes; remembers them for a moment."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._known: Remembered[tuple[object, ...], tuple[Host, ...]] = Remembered(
            clock, REMEMBERED_SECONDS
        )

    def seen_by(self, caller: Caller) -> tuple[Host, ...]:
        """Return all nodes that exist for a caller, by cluster and hostname.

        A token that is restricted to a job sees the nodes of that job, in the same order in every
        answer: the place in a list is the only name that a value has in JuMonC.

        Raises:
            Malformed: Too many for one answer.
        """
        key: tuple[object, ...] = (caller.subject, caller.sees_all, caller.restriction)
        if caller.sees_nodes:
            key = (caller.restriction.cluster,)
        return self._known.get(key, lambda: self._ask(caller))

    def _ask(self, caller: Caller) -> tuple[Host, ...]:
        if caller.sees_nodes:
            with self._records.reading() as session:
                page = NodeRepository(session).page(
                    cluster=caller.restriction.cluster, limit=MAX_NODES
                )
            if page.next_cursor is not None:
                raise Malformed(
                    f"more than {MAX_NODES} nodes: ask with a token that is restricted to a cluster or a job"
                )
            return tuple(_host(node) for node in page.items)
        return self._of_job(caller)

    def _of_job(self, caller: Caller) -> tuple[Host, ...]:
        visible, job_id = caller.visible_jobs(), caller.restriction.job_id
        if visible is None or job_id is None:
            return ()
        with self._records.reading() as session:
            job = JobRepository(session).get(str(job_id), visible=visible)
            if job is None:
                return ()
            names = sorted({each.hostname for each in job.allocations if each.listed})
            nodes = NodeRepository(session)
            found = [nodes.get(name, cluster=job.cluster) for name in names[:MAX_NODES]]
        return tuple(_host(node) for node in found if node is not None)


def choose(hosts: Sequence[Host], wanted: str | None) -> Sequence[Host]:
    """Return all hosts, or the one that ``node=`` names by hostname or by its place from 0 on.

    Raises:
        NotFound: There is none of that name, or none at all.
    """
    if wanted:
        named = [host for host in hosts if host.hostname == wanted]
        index = parse_int(wanted)
        if not named and index is not None and 0 <= index < len(hosts):
            named = [hosts[index]]
        hosts = named
    if not hosts:
        raise NotFound("no such node: see /v1/job/config/Nodename for the names")
    return hosts


def _host(node: Node) -> Host:
    interval = node.interval_seconds or DEFAULT_INTERVAL_SECONDS
    return Host(node.cluster, node.hostname, interval, node.hardware)
