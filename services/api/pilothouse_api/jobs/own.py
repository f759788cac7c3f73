"""What a job itself uses, told by its cgroups, beside what its nodes do: they may have other jobs, too.

Own metrics are named ``job_*`` and carry the job's id; all others are their nodes'.
"""

from collections.abc import Sequence

from pilothouse_common.store.records.models import Job
from pilothouse_common.store.samples.port import Statistics

from pilothouse_api.jobs.schemas import Efficiency
from pilothouse_api.ports import Ports
from pilothouse_api.series.choice import PREFERRED, Choice
from pilothouse_api.series.grid import Grid
from pilothouse_api.series.service import Question, Span, ask_statistics

CPU = ("job_user_cpu", "job_sys_cpu", "job_hwthreads")
MEMORY = ("job_mem_used", "job_mem_limit")
REPLACED = frozenset(
    {
        "cpu_user", "cpu_system", "cpu_load", "mem_used", "disk_read_bw", "disk_write_bw",
        "acc_utilization", "acc_mem_used",
    }
)  # fmt: skip
"""Of the node; where a job tells its own, these say less about it."""
OWN_PREFERRED = (
    "job_cpu_used", "job_user_cpu", "job_sys_cpu", "job_mem_used", "job_mem_limit",
    "job_acc_utilization", "job_acc_mem_used", "job_io_read_bw", "job_io_write_bw",
    *(name for name in PREFERRED if name not in REPLACED),
)  # fmt: skip

NEWEST_STARTS = 100
"""A job that was requeued more often is judged by its newest starts."""

Found = dict[str, list[Statistics]]


def ask_own(ports: Ports, job: Job, spans: Sequence[Span]) -> Found:
    """Return statistics of the metrics that tell whether a job has its own, and how well it used them.

    Raises:
        StoreUnavailable: The sample store cannot answer now.
    """
    if not spans:
        return {}
    question = Question(
        cluster=job.cluster,
        metrics=[Choice(name, "") for name in (*CPU, *MEMORY)],
        spans=spans[-NEWEST_STARTS:],
        grid=Grid(spans[0].start, spans[0].end, 1),
        type="node",
        within="avg",
        over_nodes=None,
        jobid=str(job.job_id),
    )
    return ask_statistics(ports.samples, ports.queries, question)


def preferred(own: Found) -> Sequence[str]:
    """Return what people look at first of a job."""
    return OWN_PREFERRED if any(own.values()) else PREFERRED


def efficiency(job: Job, own: Found) -> Efficiency | None:
    """Return how well a job used what it had; None without metrics of its own."""
    if not any(own.values()):
        return None
    return Efficiency(cpu_percent=_cpu_percent(job, own), memory_percent=_memory_percent(own))


def _cpu_percent(job: Job, own: Found) -> float | None:
    """CPU time of all nodes, of that of the hardware threads it was confined to, else of its CPUs."""
    user, system, threads = (_by_host(own, name) for name in CPU)
    if not user:
        return None
    used = sum(row.avg for row in user.values()) + sum(row.avg for row in system.values())
    if user.keys() <= threads.keys():
        had = sum(threads[hostname].avg for hostname in user)
    else:
        had = float(job.cpus or 0)
    return used / had if had > 0 else None


def _memory_percent(own: Found) -> float | None:
    """The most memory on any node, of what it might use there."""
    used, limit = (_by_host(own, name) for name in MEMORY)
    shares = [
        100 * used[host].max / limit[host].max
        for host in used.keys() & limit.keys()
        if limit[host].max > 0
    ]
    return max(shares, default=None)


def _by_host(own: Found, name: str) -> dict[str, Statistics]:
    return {row.hostname: row for row in own.get(name, ())}
