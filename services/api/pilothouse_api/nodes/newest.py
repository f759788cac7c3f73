"""The newest values of all nodes of a cluster, asked of the store once a second for all viewers."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pilothouse_common.runtime.clock import Clock
from pilothouse_common.store.samples.port import Last, SampleStore

LIVE_METRICS = (
    "cpu_load", "cpu_user", "cpu_nice", "cpu_system", "cpu_idle", "cpu_iowait", "cpu_irq", "cpu_softirq",
    "cpu_steal", "mem_total", "mem_used", "swap_used", "net_bw", "eth_read_bw", "eth_write_bw",
    "disk_read_bw", "disk_write_bw", "acc_utilization", "acc_mem_used",
)  # fmt: skip
"""What lists of nodes show, as far as there is any of it."""
LOOK_BACK = timedelta(minutes=15)
REMEMBERED_SECONDS = 1.0
_MAX_REMEMBERED = 200


@dataclass(slots=True)
class Newest:
    """The newest values of one node: node-level, without parts."""

    time: datetime | None = None
    values: dict[str, float] = field(default_factory=dict)


class NewestValues:
    """Asks and remembers. Safe to use from several threads."""

    def __init__(self, samples: SampleStore, clock: Clock) -> None:
        self._samples = samples
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], tuple[float, dict[str, Newest]]] = {}
        self._asking: dict[tuple[str, str], threading.Lock] = {}

    def of(self, cluster: str, hostname: str = "") -> dict[str, Newest]:
        """Return the newest values by hostname, of one node or of all.

        Raises:
            StoreUnavailable: The store cannot answer now.
        """
        key = (cluster, hostname)
        found = self._remembered(key, (cluster, ""))
        if found is not None:
            return found
        with self._lock:
            one_at_a_time = self._asking.setdefault(key, threading.Lock())
        with one_at_a_time:  # who waited finds the answer of who asked
            found = self._remembered(key)
            return self._ask(key) if found is None else found

    def _remembered(self, *keys: tuple[str, str]) -> dict[str, Newest] | None:
        now = self._clock.monotonic()
        for key in keys:
            until, found = self._known.get(key, (0.0, {}))
            if now < until:
                return found
        return None

    def _ask(self, key: tuple[str, str]) -> dict[str, Newest]:
        begun = self._clock.monotonic()
        cluster, hostname = key
        since = self._clock.now() - LOOK_BACK
        found = gather(self._samples.last(cluster, LIVE_METRICS, since=since, hostname=hostname))
        ended = self._clock.monotonic()
        with self._lock:
            if len(self._known) >= _MAX_REMEMBERED:
                self._known.clear()
                self._asking.clear()
            # a store that is slow is asked less often
            self._known[key] = (ended + max(REMEMBERED_SECONDS, ended - begun), found)
        return found


def gather(rows: Iterable[Last]) -> dict[str, Newest]:
    """Put the newest values of each node together."""
    nodes: dict[str, Newest] = {}
    for row in rows:
        node = nodes.setdefault(row.hostname, Newest())
        time = datetime.fromtimestamp(row.time, UTC)
        node.time = time if node.time is None else max(node.time, time)
        if not row.stype_id:
            node.values[row.metric] = row.value
    return nodes
