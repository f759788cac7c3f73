"""Every group of metrics there is, in the order in which people see them."""

from pilothouse_common.contract.metrics import (
    accelerator,
    agent,
    beegfs,
    clocks,
    counters,
    cpu,
    disk,
    energy,
    filesystem,
    gpfs,
    heat,
    interconnect,
    jobs,
    limits,
    lustre,
    memory,
    network,
    nfs,
    numa,
    paging,
    simulation,
)
from pilothouse_common.contract.metrics.catalogue import Group, Metric

GROUPS: tuple[Group, ...] = (
    cpu.GROUP,
    memory.GROUP,
    numa.GROUP,
    paging.GROUP,
    disk.GROUP,
    filesystem.GROUP,
    nfs.GROUP,
    lustre.GROUP,
    gpfs.GROUP,
    beegfs.GROUP,
    network.GROUP,
    limits.GROUP,
    interconnect.GROUP,
    counters.GROUP,
    energy.GROUP,
    clocks.GROUP,
    heat.GROUP,
    accelerator.GROUP,
    jobs.GROUP,
    simulation.GROUP,
    agent.GROUP,
)
METRICS: tuple[Metric, ...] = tuple(metric for group in GROUPS for metric in group.metrics)

_EXACT = {metric.name: metric for metric in METRICS}
_FAMILIES = sorted(
    (metric for metric in METRICS if metric.name.endswith("*")),
    key=lambda metric: -len(metric.name),
)


def find_metric(name: str) -> Metric | None:
    """Return the row of a name: its own, else that of the longest family it belongs to."""
    row = _EXACT.get(name)
    if row is None:
        row = next((m for m in _FAMILIES if name.startswith(m.name[:-1])), None)
    return row
