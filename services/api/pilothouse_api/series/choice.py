"""Which metrics a question is about."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pilothouse_common.contract.metrics.table import find_metric
from pilothouse_common.errors import Malformed
from pilothouse_common.store.samples.port import SampleStore

MAX_METRICS = 32
PREFERRED = (
    "cpu_user", "cpu_system", "cpu_load", "mem_used", "net_bw", "eth_read_bw", "eth_write_bw",
    "disk_read_bw", "disk_write_bw", "mem_bw", "flops_any", "acc_utilization", "acc_mem_used",
)  # fmt: skip
"""What people look at first, as far as there is any of it."""
OWN_PREFIX = "job_"
"""Begins the names of the metrics that carry a job's id."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One metric of a question."""

    name: str
    unit: str


def choose_metrics(
    samples: SampleStore,
    cluster: str,
    wanted: Sequence[str] | None,
    *,
    since: datetime,
    hostname: str = "",
    preferred: Sequence[str] = PREFERRED,
) -> list[Choice]:
    """Return the metrics asked for, or a sensible few of those that have samples.

    Raises:
        Malformed: A name that is neither in the catalogue nor in the store, or too many.
    """
    names = split_names(wanted)
    if len(names) > MAX_METRICS:
        raise Malformed(f"metrics: {len(names)} names, at most {MAX_METRICS} at once")
    known = {name: found for name in names if (found := find_metric(name)) is not None}
    if names and len(known) == len(names):
        return [Choice(name, known[name].unit) for name in names]
    present = samples.metrics(cluster, since=since, hostname=hostname)
    if not names:
        names = [n for n in preferred if n in present] or present[: len(PREFERRED)]
    for name in names:
        if name not in known and name not in present:
            raise Malformed(f"metrics: {name!r} is not known here; /v1/metrics lists the names")
    return [Choice(name, unit_of(name)) for name in names]


def unit_of(name: str) -> str:
    """Return the unit of a metric, empty for a plain number and for what the catalogue has not."""
    metric = find_metric(name)
    return metric.unit if metric is not None else ""


def split_names(wanted: Sequence[str] | None) -> list[str]:
    """Return the names between commas, each once, in the order given.

    Raises:
        Malformed: The parameter is there, but has no name in it.
    """
    if wanted is None:
        return []
    names = [name.strip() for text in wanted for name in text.split(",")]
    found = list(dict.fromkeys(name for name in names if name))
    if not found:
        raise Malformed("metrics: no name in it; leave it out for a sensible few")
    for name in found:
        if len(name) > 255 or not name.isprintable() or "*" in name:
            raise Malformed(f"metrics: {name[:40]!r} is no metric name")
    return found
