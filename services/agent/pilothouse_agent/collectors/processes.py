"""The processes of each job: sums, and the greatest by CPU and memory where they are asked for.

Also the CPU time of jobs of cgroup v1 that Slurm accounts in no cgroup (``jobacct_gather/linux``): then
what began and ended between two looks is not seen.
"""

import os
from collections.abc import Sequence
from heapq import nlargest

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import CollectorUnavailable, Host
from pilothouse_agent.jobs.job import NodeJob
from pilothouse_agent.jobs.layout import find_hierarchies
from pilothouse_agent.jobs.process import Process, read_process

MAX_PROCESSES = 5000
"""Of one job; what is above it is counted, but not read."""
IO_METRICS = ("job_file_read_bw", "job_file_write_bw", "job_disk_read_bw", "job_disk_write_bw")
COUNTERS = ("job_major_faults", "job_context_switches", *IO_METRICS)

CPU_COLUMNS = 2

Key = tuple[int, float]
"""Number and start: numbers are used again."""


class ProcessesCollector:
    """Reads three small files per process of a job, and none of any other process."""

    name = "processes"

    def __init__(self, host: Host, options: Options) -> None:
        if not find_hierarchies(host):
            raise CollectorUnavailable("no cgroup file system is mounted")
        self._host = host
        self._most = options.job_processes
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")
        self._before: dict[Key, Process] = {}
        self._time: float | None = None

    def collect(self) -> list[Sample]:
        """Return the sums of each job, and ``stype=process`` of its greatest processes."""
        now = self._host.clock.monotonic()
        elapsed = now - self._time if self._time is not None else 0.0
        known: dict[Key, Process] = {}
        samples: list[Sample] = []
        for job in self._host.jobs.current():
            pids = job.pids()
            processes = [p for pid in pids[:MAX_PROCESSES] if (p := read_process(self._host, pid))]
            spent = {p.pid: self._spent(p, elapsed) for p in processes} if elapsed > 0 else {}
            samples += self._sums(job, len(pids), processes)
            samples += self._rates(job, list(spent.values()), elapsed)
            samples += self._greatest(job, processes, spent, elapsed)
            known.update({(p.pid, p.started): p for p in processes})
        self._before, self._time = known, now
        return samples

    def close(self) -> None:
        """Nothing is kept open."""

    def _spent(self, process: Process, elapsed: float) -> list[float | None]:
        """Return CPU seconds and counters since the last time; all of a process that began since."""
        before = self._before.get((process.pid, process.started))
        if before is not None:
            return [
                None if a is None or b is None else max(0, b - a)
                for a, b in zip(_counted(before), _counted(process), strict=True)
            ]
        counted = _counted(process)
        if self._is_new(process, elapsed):
            return counted
        return [None if value is None else 0.0 for value in counted]

    def _is_new(self, process: Process, elapsed: float) -> bool:
        uptime = self._host.read("proc/uptime").split()
        return bool(uptime) and float(uptime[0]) - process.started <= elapsed

    def _sums(self, job: NodeJob, count: int, processes: Sequence[Process]) -> list[Sample]:
        threads = sum(process.threads for process in processes)
        return [_of(job, "job_processes", count), _of(job, "job_threads", threads)]

    def _rates(
        self, job: NodeJob, rows: Sequence[Sequence[float | None]], elapsed: float
    ) -> list[Sample]:
        """Return the counters' sums per second; none of those that may not be read of any process."""
        samples = self._cpu_time(job, rows, elapsed) if rows and not self._is_accounted(job) else []
        for i, metric in enumerate(COUNTERS, CPU_COLUMNS):
            told = [value for row in rows if (value := row[i]) is not None]
            if told:
                samples.append(_of(job, metric, sum(told) / elapsed))
        return samples

    def _is_accounted(self, job: NodeJob) -> bool:
        return job.version == 2 or os.path.isdir(
            self._host.path(job.directory("cpuacct") or "none")
        )

    def _cpu_time(
        self, job: NodeJob, rows: Sequence[Sequence[float | None]], elapsed: float
    ) -> list[Sample]:
        user, system = (
            100 * sum(row[i] or 0 for row in rows) / elapsed for i in range(CPU_COLUMNS)
        )
        samples = [_of(job, "job_user_cpu", user), _of(job, "job_sys_cpu", system)]
        threads = len(job.hwthreads)
        if threads:
            samples.append(_of(job, "job_cpu_used", (user + system) / threads))
        return samples

    def _greatest(
        self,
        job: NodeJob,
        processes: Sequence[Process],
        spent: dict[int, list[float | None]],
        elapsed: float,
    ) -> list[Sample]:
        if not self._most or elapsed <= 0:
            return []
        cpu = {
            pid: 100 * sum(value or 0 for value in row[:CPU_COLUMNS]) / elapsed
            for pid, row in spent.items()
        }
        chosen = {p.pid: p for p in nlargest(self._most, processes, key=lambda p: cpu[p.pid])}
        chosen |= {p.pid: p for p in nlargest(self._most, processes, key=lambda p: p.rss_pages)}
        samples = []
        for pid, process in sorted(chosen.items()):
            values = {
                "job_process_cpu": cpu[pid],
                "job_process_rss": process.rss_pages * self._page_bytes,
                "job_process_threads": process.threads,
            }
            read, written = spent[pid][-4:-2]
            if read is not None and written is not None:
                values["job_process_read_bw"] = read / elapsed
                values["job_process_write_bw"] = written / elapsed
            part = f"{pid} {process.name}"
            samples += [_of(job, name, value, part) for name, value in values.items()]
        return samples


def _counted(process: Process) -> list[float | None]:
    """Return CPU seconds (user, system), then the values of COUNTERS."""
    io = process.io or (None,) * len(IO_METRICS)
    cpu = (process.user_seconds, process.system_seconds)
    return [*cpu, process.major_faults, process.context_switches, *io]


def _of(job: NodeJob, metric: str, value: float, process: str = "") -> Sample:
    part = ("process", process) if process else ("", "")
    return Sample(metric, value, "node", "", *part, job.job_id)
