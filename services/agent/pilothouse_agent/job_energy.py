"""A node's energy divided among its jobs, by the CPU time that each used: an estimate.

The shares of all jobs add up to the node's energy while there are jobs, idle power too: a job that has the
node for itself is given all of it. Where several share a node, what a GPU or memory drew is divided by CPU
time like the rest, which nothing measured. Where no job used any, each is given the same.
"""

from math import isfinite

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.host import Host
from pilothouse_agent.jobs.job import NodeJob

NANOSECOND, MICROSECOND = 1e-9, 1e-6


class JobEnergy:
    """The jobs of one node, and what they were given so far."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._used: dict[NodeJob, float] = {}
        self._totals: dict[NodeJob, float] = {}

    def divide(self, joules: float, seconds: float) -> list[Sample]:
        """Return energy since the job was first seen here, and mean power, of each job.

        Args:
            joules: What the node used.
            seconds: In which time.
        """
        used = {job: self._cpu_seconds(job) for job in self._host.jobs.current()}
        spent = {
            job: max(0.0, now - self._used[job]) for job, now in used.items() if job in self._used
        }
        self._used = used
        whole = sum(spent.values())
        powers: dict[str, float] = {}
        energies: dict[str, float] = {}
        for job, own in spent.items():
            share = joules * (own / whole if whole else 1 / len(spent))
            self._totals[job] = self._totals.get(job, 0.0) + share
            energies[job.job_id] = energies.get(job.job_id, 0.0) + self._totals[job]
            powers[job.job_id] = powers.get(job.job_id, 0.0) + share / seconds
        self._totals = {job: total for job, total in self._totals.items() if job in used}
        return [
            *(Sample("job_energy", total, jobid=job_id) for job_id, total in energies.items()),
            *(Sample("job_power", watts, jobid=job_id) for job_id, watts in powers.items()),
        ]

    def _cpu_seconds(self, job: NodeJob) -> float:
        """Return the CPU time that a job used; 0 when its cgroup is going or counts none."""
        if job.version == 2:
            words = self._host.read(f"{job.directory('cpu')}/cpu.stat").split(None, 2)
            text, factor = (words[1] if len(words) > 1 else ""), MICROSECOND
        else:
            text = self._host.read(f"{job.directory('cpuacct')}/cpuacct.usage")
            factor = NANOSECOND
        try:
            value = float(text)
        except ValueError:
            return 0.0
        return value * factor if isfinite(value) else 0.0
