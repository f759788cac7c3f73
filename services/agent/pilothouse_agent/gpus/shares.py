"""What jobs use of the devices that work for them: ``job_acc_*``, tagged with the job.

Each device's own series stay as they are, without a job; so a sum over ``acc_*`` or over ``job_acc_*``
counts nothing twice. A device that several jobs compute on has only their processes' memory to tell apart.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.gpus.device import Identity, Reading
from pilothouse_agent.gpus.owners import DeviceFiles, Owned, Owners
from pilothouse_agent.host import Host

TOLD = {
    "acc_utilization": "job_acc_utilization",
    "acc_mem_used": "job_acc_mem_used",
    "acc_power": "job_acc_power",
}
MEAN = "job_acc_utilization"


class Use(NamedTuple):
    """Energy of one device since a job was first seen on it, in J, and the counter and time of then."""

    energy: float
    counter: float | None
    time: float


class Shares:
    """The shares of all jobs.

    Args:
        host: The node.
        files: This make's device files.
    """

    def __init__(self, host: Host, files: DeviceFiles) -> None:
        self._clock = host.clock
        self._owners = Owners(host, files)
        self._uses: dict[tuple[str, Identity], Use] = {}

    def samples(self, readings: Sequence[Reading]) -> list[Sample]:
        """Return each job's share of each device, and its sum over the node's devices."""
        now = self._clock.monotonic()
        uses: dict[tuple[str, Identity], Use] = {}
        told: list[Sample] = []
        counts: dict[str, int] = {}
        for owned in self._owners.of(readings):
            for job in owned.jobs:
                counts[job] = counts.get(job, 0) + 1
            if len(owned.jobs) > 1:
                told += _memory_of_each(owned)
                continue
            (job,) = owned.jobs
            told += _whole(owned.reading, job)
            use = self._use(job, owned.reading, now)
            if use is not None:
                uses[job, owned.reading.identity] = use
                told.append(_sample("job_acc_energy", use.energy, owned.reading.identity, job))
        self._uses = uses
        counted = [Sample("job_acc_count", n, jobid=job) for job, n in counts.items()]
        return told + sums(told) + counted

    def _use(self, job: str, reading: Reading, now: float) -> Use | None:
        """Return the energy so far: by the device's counter, else its power over time."""
        values = {sample.name: sample.value for sample in reading.samples}
        counter, power = values.get("acc_energy"), values.get("acc_power")
        if counter is None and power is None:
            return None
        before = self._uses.get((job, reading.identity))
        if before is None:
            return Use(0.0, counter, now)
        more = 0.0
        if counter is not None and before.counter is not None:
            more = max(0.0, counter - before.counter)  # less: the driver was loaded anew
        elif power is not None:
            more = power * (now - before.time)
        return Use(before.energy + more, counter, now)


def sums(samples: Iterable[Sample]) -> list[Sample]:
    """Return each job's values over the node's devices: utilisation as the mean, all else as the sum."""
    values: dict[tuple[str, str], list[float]] = {}
    for sample in samples:
        values.setdefault((sample.name, sample.jobid), []).append(sample.value)
    return [
        Sample(name, sum(parts) / (len(parts) if name == MEAN else 1), jobid=job)
        for (name, job), parts in values.items()
    ]


def _whole(reading: Reading, job: str) -> list[Sample]:
    return [
        _sample(TOLD[sample.name], sample.value, reading.identity, job)
        for sample in reading.samples
        if sample.name in TOLD
    ]


def _memory_of_each(owned: Owned) -> list[Sample]:
    found = []
    for job, processes in owned.processes.items():
        used = [each.mem_used for each in processes if each.mem_used is not None]
        if used:
            found.append(_sample("job_acc_mem_used", sum(used), owned.reading.identity, job))
    return found


def _sample(metric: str, value: float, identity: Identity, job: str) -> Sample:
    return Sample(metric, value, *identity.tags, jobid=job)
