"""Records of single nodes, asked of the store once a second for all who look at the same one."""

import threading

from pilothouse_common.runtime.clock import Clock
from pilothouse_common.store.records.database import Records
from pilothouse_common.store.records.models import Node
from pilothouse_common.store.records.nodes import NodeRepository

REMEMBERED_SECONDS = 1.0
_MAX_REMEMBERED = 10_000


class KnownNodes:
    """Asks and remembers what it found; what is not there is asked for again. Safe in several threads."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str | None], tuple[float, Node]] = {}

    def find(self, hostname: str, cluster: str | None) -> Node | None:
        """Return a node's record, which belongs to no session.

        Raises:
            Conflict: Several clusters have a node of this name, and none was named.
            StoreUnavailable: The record store cannot answer now.
        """
        now = self._clock.monotonic()
        until, node = self._known.get((hostname, cluster), (0.0, None))
        if node is not None and now < until:
            return node
        with self._records.reading() as session:
            node = NodeRepository(session).get(hostname, cluster=cluster)
        if node is not None:
            with self._lock:
                if len(self._known) >= _MAX_REMEMBERED:
                    self._known.clear()
                self._known[hostname, cluster] = (now + REMEMBERED_SECONDS, node)
        return node
