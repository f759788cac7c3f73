"""Hosts become known by their samples, also those without an agent of ours."""

from pilothouse_common.contract.samples import check_cluster, check_hostname
from pilothouse_common.errors import Malformed, StoreUnavailable
from pilothouse_common.runtime.clock import Clock
from pilothouse_common.store.records.database import Records
from pilothouse_common.store.records.node_writer import see_nodes

MAX_REMEMBERED = 200_000
RETRY_SECONDS = 5.0
"""A server that does not answer costs a time-out at each try."""


class NodeRegister:
    """Makes a record of each host once. One thread uses it.

    A host is known by the routing key, ``<cluster>.<hostname>``: nothing is unpacked.
    """

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock
        self._known: set[str] = set()
        self._new: dict[str, tuple[str, str]] = {}
        self._not_before = 0.0

    def note(self, routing_key: str) -> None:
        """Remember a host until record(); a key of another form names none."""
        if routing_key in self._known or routing_key in self._new:
            return
        cluster, _, hostname = routing_key.partition(".")
        try:
            self._new[routing_key] = (check_cluster(cluster), check_hostname(hostname))
        except Malformed:
            return

    def record(self) -> None:
        """Store the new hosts. Samples never wait for this: while the record store is away, hosts do."""
        if not self._new or self._clock.monotonic() < self._not_before:
            return
        try:
            with self._records.session() as session:
                see_nodes(session, self._new.values(), self._clock.now())
        except StoreUnavailable:  # the worker of events reports it
            self._not_before = self._clock.monotonic() + RETRY_SECONDS
            return
        if len(self._known) + len(self._new) > MAX_REMEMBERED:
            self._known.clear()
        self._known.update(self._new)
        self._new.clear()
