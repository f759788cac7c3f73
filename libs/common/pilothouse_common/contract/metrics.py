"""The catalogue of metrics: what each name means, its unit, and how nodes add up.

Names follow ClusterCockpit (job-data schema and cc-metric-collector); units are base units, where
cc-metric-collector counts memory in kByte; rates are per second. docs/metrics.md is generated from
this table, and a test holds collectors to it.
"""

from dataclasses import dataclass
from typing import Literal

Combine = Literal["sum", "avg", "max"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the catalogue.

    Attributes:
        name: The measurement; ending in ``*``, every name that begins so (fields that differ
            from kernel to kernel) and has no row of its own.
        unit: ``%``, ``B``, ``B/s``, ``1/s``, ``s``, ``J``, ``W`` or empty for a plain number.
        combine: How values of several nodes (or parts of one node) become one.
        group: Heading under which people look for it.
        help: One sentence.
    """

    name: str
    unit: str
    combine: Combine
    group: str
    help: str


def _rows(group: str, *rows: tuple[str, str, Combine, str]) -> tuple[Metric, ...]:
    return tuple(Metric(name, unit, combine, group, text) for name, unit, combine, text in rows)


METRICS: tuple[Metric, ...] = (
    *_rows(
        "CPU",
        ("cpu_user", "%", "avg", "Time in user mode, of all time of the threads of that level."),
        ("cpu_nice", "%", "avg", "Time in user mode at low priority."),
        ("cpu_system", "%", "avg", "Time in the kernel."),
        ("cpu_idle", "%", "avg", "Time idle."),
        ("cpu_iowait", "%", "avg", "Time idle while a task waited for I/O."),
        ("cpu_irq", "%", "avg", "Time in hardware interrupts."),
        ("cpu_softirq", "%", "avg", "Time in software interrupts."),
        ("cpu_steal", "%", "avg", "Time that the hypervisor gave to others."),
        ("cpu_guest", "%", "avg", "Time running guests; part of cpu_user."),
        ("cpu_guest_nice", "%", "avg", "Time running low-priority guests; part of cpu_nice."),
        ("cpu_load", "", "avg", "Load average of one minute (cc-metric-collector: load_one)."),
        ("load_five", "", "avg", "Load average of five minutes."),
        ("load_fifteen", "", "avg", "Load average of fifteen minutes."),
        ("proc_run", "", "sum", "Tasks running or ready to run."),
        ("proc_running", "", "sum", "Tasks ready to run as /proc/stat counts them."),
        ("proc_total", "", "sum", "Tasks that exist."),
        ("proc_blocked", "", "sum", "Tasks blocked on I/O."),
        ("context_switches", "1/s", "sum", "Context switches."),
        ("interrupts", "1/s", "sum", "Interrupts serviced."),
        ("softirqs", "1/s", "sum", "Software interrupts serviced."),
        ("forks", "1/s", "sum", "Tasks created."),
    ),
    *_rows(
        "Memory",
        ("mem_total", "B", "sum", "Memory that the kernel can use."),
        ("mem_used", "B", "sum", "Total less free, buffers and cached (which holds mem_shared)."),
        ("mem_free", "B", "sum", "Memory not used at all."),
        ("mem_available", "B", "sum", "Estimate of what new programs can have without swapping."),
        ("mem_buffers", "B", "sum", "Block device buffers."),
        ("mem_cached", "B", "sum", "Page cache, with shared memory and tmpfs."),
        ("mem_shared", "B", "sum", "Shared memory and tmpfs."),
        ("mem_slab", "B", "sum", "Kernel data structures."),
        ("mem_sreclaimable", "B", "sum", "The part of mem_slab that can be reclaimed."),
        ("mem_anon", "B", "sum", "Anonymous pages mapped by programs."),
        ("mem_dirty", "B", "sum", "Page cache to be written."),
        ("mem_writeback", "B", "sum", "Page cache being written."),
        ("mem_committed", "B", "sum", "Memory promised to programs."),
        ("meminfo_hugepages_*", "", "sum", "Pages of the huge page pool (detail: all)."),
        ("meminfo_*", "B", "sum", "Any other field of /proc/meminfo (detail: all)."),
        ("swap_total", "B", "sum", "Swap space."),
        ("swap_used", "B", "sum", "Swap space in use."),
        ("swap_free", "B", "sum", "Swap space not in use."),
        ("swap_cached", "B", "sum", "Memory that is in swap as well."),
    ),
    *_rows(
        "Agent",
        ("agent_collector_up", "", "avg", "1: the collector answered; 0: it failed or is stuck."),
        ("agent_collector_seconds", "s", "sum", "Wall time of the collector's last answer."),
        ("agent_publish_seconds", "s", "avg", "Wall time of the last publish."),
        ("agent_dropped_messages", "", "sum", "Messages dropped since the agent started."),
        ("agent_waiting_messages", "", "sum", "Messages handed over and not yet published."),
    ),
)

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
