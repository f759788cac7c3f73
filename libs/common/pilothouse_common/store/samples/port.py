"""What a sample store promises. tests/contract/test_sample_store.py holds every adapter to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

Aggregate = Literal["avg", "sum", "min", "max", "count"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which series of one metric, when.

    Attributes:
        cluster: Cluster name.
        metric: Measurement name.
        start: From here, included.
        end: To here, excluded.
        hostnames: Only these nodes; empty means all of the cluster.
        type: Hardware level, one of contract.samples.TYPES.
        jobid: Only samples that carry this job id (per-job metrics); empty means only samples that
            carry none, so that two jobs on a node are never mixed.
        stype_id: Only this device, interface or file system; empty means all of them.
        whole: Only series of no device: where a node sends its total beside its devices' own, adding
            all of them up would count twice.
    """

    cluster: str
    metric: str
    start: datetime
    end: datetime
    hostnames: tuple[str, ...] = ()
    type: str = "node"
    jobid: str = ""
    stype_id: str = ""
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """Values on a regular grid, oldest first.

    ``hostname`` is empty for a series over nodes. ``times`` are Unix seconds of the bucket starts,
    multiples of the resolution (the first may lie before ``Selection.start``); buckets without
    samples are not in the lists.
    """

    hostname: str
    type_id: str
    stype_id: str
    times: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Last:
    """The newest value of one series."""

    hostname: str
    metric: str
    type_id: str
    stype_id: str
    time: int
    value: float


@dataclass(frozen=True, slots=True)
class Statistics:
    """Over all raw samples of one node (or, with empty hostname, of all nodes) in a selection."""

    hostname: str
    min: float
    max: float
    avg: float
    count: int


@dataclass(frozen=True, slots=True)
class Distribution:
    """How values spread.

    Attributes:
        quantiles: As asked, in (0..1].
        values: The raw sample at each quantile (nearest rank: the sample number ``q * count``,
            rounded half up and at least 1, in ascending order); empty without samples.
        count: Number of raw samples.
    """

    quantiles: tuple[float, ...]
    values: tuple[float, ...]
    count: int


class SampleStore(Protocol):
    """Takes line protocol as it came, answers a few questions. Safe to call from several threads.

    Lists are sorted by hostname, then part (ids that are numbers by number). Questions raise
    StoreUnavailable; what nobody ever wrote is an empty answer, not an error.
    """

    def write(self, bodies: Sequence[bytes]) -> None:
        """Store the lines of gzip members; return when the store has them.

        Idempotent: of two samples of one series at one second the one written last stays. Lines of
        two bodies never run together, also when one does not end in a newline.

        Raises:
            StoreUnavailable: Nothing may be assumed stored; write the same again. InfluxDB 2 says so of a
                gzip member that is cut off, too: look at the bodies once before the next try.
            Rejected: The store refuses some of it, in its words. The good lines of a refused batch
                may have been stored; the caller splits the batch to find the bad message.
        """

    def series(
        self,
        selection: Selection,
        *,
        resolution_seconds: int,
        within: Aggregate = "avg",
        over_nodes: Aggregate | None = None,
    ) -> list[Series]:
        """Return series bucketed by time in the store.

        ``within`` makes one value of the samples of a bucket of one series. With ``over_nodes``,
        the nodes' (and parts') bucket values are combined into one series with empty hostname.
        """

    def last(
        self, cluster: str, metrics: Sequence[str], *, since: datetime, hostname: str = ""
    ) -> list[Last]:
        """Return the newest value of every node-level series of these metrics not older than since."""

    def statistics(self, selection: Selection, *, over_nodes: bool = False) -> list[Statistics]:
        """Return minimum, maximum, average and count per node, or one row over all of them."""

    def distribution(self, selection: Selection, quantiles: Sequence[float]) -> Distribution:
        """Return quantiles over all raw samples of a selection."""

    def metrics(self, cluster: str, *, since: datetime, hostname: str = "") -> list[str]:
        """Return the names of the metrics that have samples since then, sorted."""

    def check(self) -> None:
        """Raise StoreUnavailable when it cannot be used now (readiness)."""

    def close(self) -> None:
        """Flush and release. Idempotent."""
