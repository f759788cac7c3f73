"""Whose each device is: what a job was given, and whose processes work on it.

A job was given what, in this order, the kernel lets it open (cgroup v1), the prolog noted, or its
processes' environment says. Slurm counts devices by the number in their file's name, ``/dev/nvidia3``. On a
node with a divided card such numbers name instances, nobody can tell which: there a job's environment
names them (``MIG-…``). Where that says nothing, or several jobs were given one device, its processes tell.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pilothouse_agent.gpus.device import Identity, Process, Reading
from pilothouse_agent.host import Host
from pilothouse_agent.jobs.job import FEW_PROCESSES, NodeJob

RETRY_SECONDS = 60.0
"""How often a job that nothing is known of is looked at again; its first process may come later."""
_DEVICE = re.compile(r"c (\d{1,4}):(\d{1,7}) \w+")
_INSTANCE = re.compile(r"MIG-[\w/-]{1,90}")


class DeviceFiles(NamedTuple):
    """Numbers of a make's device files. Source: kernel's devices.txt."""

    major: int
    minors: range


NVIDIA_FILES = DeviceFiles(195, range(254))  # above: nvidia-modeset and nvidiactl
DRM_FILES = DeviceFiles(226, range(128, 1 << 20))  # below: the displays of the same cards


@dataclass(frozen=True, slots=True)
class Claim:
    """What one job was given: device numbers, or names of MIG instances; and when we looked."""

    numbers: frozenset[int]
    uuids: frozenset[str]
    looked_at: float


@dataclass(frozen=True, slots=True)
class Owned:
    """A device or instance that works for jobs.

    Attributes:
        reading: What it told.
        jobs: The ids of the jobs.
        processes: Those of each job, where it took them to find out.
    """

    reading: Reading
    jobs: tuple[str, ...]
    processes: Mapping[str, list[Process]]


class Owners:
    """Keeps what jobs were given.

    Args:
        host: The node.
        files: This make's device files.
    """

    def __init__(self, host: Host, files: DeviceFiles) -> None:
        self._host = host
        self._files = files
        self._claims: dict[NodeJob, Claim] = {}

    def of(self, readings: Sequence[Reading]) -> list[Owned]:
        """Return the devices that belong to jobs; of a divided card its instances."""
        jobs = self._host.jobs.current()
        if not jobs:
            self._claims.clear()
            return []
        divided = {each.identity.bus_id for each in readings if each.identity.mig}
        self._look(jobs, with_instances=bool(divided))
        numbered = {} if divided else _numbered([each.identity for each in readings])
        found = []
        for reading in readings:
            if reading.identity.mig or reading.identity.bus_id not in divided:
                owned = self._owned(reading, self._claimants(reading.identity, numbered))
                if owned.jobs:
                    found.append(owned)
        return found

    def _look(self, jobs: Sequence[NodeJob], *, with_instances: bool) -> None:
        now = self._host.clock.monotonic()
        claims = {}
        for job in jobs:
            claim = self._claims.get(job)
            unknown = claim is None or not (claim.numbers or claim.uuids)
            if claim is None or (unknown and now - claim.looked_at >= RETRY_SECONDS):
                numbers = device_numbers(self._host, job, self._files) or slurm_numbers(job)
                uuids = instance_names(self._host, job) if with_instances else frozenset[str]()
                claim = Claim(numbers, uuids, now)
            claims[job] = claim
        self._claims = claims

    def _claimants(self, identity: Identity, numbered: Mapping[int, Identity]) -> list[str]:
        return [
            job.job_id
            for job, claim in self._claims.items()
            if identity.uuid in claim.uuids
            or any(numbered.get(number) is identity for number in claim.numbers)
        ]

    def _owned(self, reading: Reading, claimants: list[str]) -> Owned:
        """One claimant has it; else those whose processes are there, so that a false claim gives nothing."""
        if len(claimants) == 1:
            return Owned(reading, tuple(claimants), {})
        at_work: dict[str, list[Process]] = {}
        for process in reading.processes:
            job = self._host.jobs.job_of_pid(process.pid)
            if job is not None:
                at_work.setdefault(job.job_id, []).append(process)
        return Owned(reading, tuple(sorted(at_work)), at_work)


def device_numbers(host: Host, job: NodeJob, files: DeviceFiles) -> frozenset[int]:
    """Return the devices that cgroup v1 lets a job open; none where it is not confined.

    Source: kernel's cgroup-v1/devices.rst: a line is ``c 195:0 rwm``, or ``a *:* rwm`` for all.
    """
    directory = job.directory("devices") if job.version == 1 else ""
    lines = host.read(f"{directory}/devices.list").splitlines() if directory else []
    matches = [_DEVICE.fullmatch(line.strip()) for line in lines]
    numbers = ((int(match[1]), int(match[2])) for match in matches if match)
    return frozenset(
        minor for major, minor in numbers if major == files.major and minor in files.minors
    )


def slurm_numbers(job: NodeJob) -> frozenset[int]:
    """Return what the prolog's note or the job's environment says."""
    return frozenset(int(text) for text in job.gpu_ids if text.isdecimal())


def instance_names(host: Host, job: NodeJob) -> frozenset[str]:
    """Return the MIG instances that the first process with a say was given."""
    for pid in job.pids()[:FEW_PROCESSES]:
        pairs = (each.partition("=") for each in host.read(f"proc/{pid}/environ").split("\0"))
        variables = {name: value for name, _, value in pairs}
        if variables.get("SLURM_JOB_ID") == job.job_id:
            return frozenset(_INSTANCE.findall(variables.get("CUDA_VISIBLE_DEVICES", "")))
    return frozenset()


def _numbered(identities: Iterable[Identity]) -> dict[int, Identity]:
    """Return the devices by the numbers in their files' names; by index where no file has the number."""
    whole = list(identities)
    return {each.index: each for each in whole} | {
        each.minor: each for each in whole if each.minor >= 0
    }
