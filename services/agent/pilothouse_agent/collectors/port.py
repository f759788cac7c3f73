"""What a collector is, and what it may be told."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.host import Host

CpuLevel = Literal["node", "socket", "hwthread"]
CounterSource = Literal["perf", "likwid", "off"]
JobDetail = Literal["job", "step", "task"]
LIKWID_PROGRAM = "/usr/bin/likwid-perfctr"
COUNTERS_LOCK = "/var/run/likwid.lock"
EXCLUDED_DEVICES = (r"(loop|ram|zram|fd|sr)\d+",)
EXCLUDED_MOUNTS = (r"/(dev(?!/shm$)|proc|sys|run|var/lib/(docker|containers)/.+)(/.*)?",)
EXCLUDED_INTERFACES = ("lo", "(veth|docker|br-|virbr|cali|flannel|cni|ifb|tunl|dummy).*")


class Collector(Protocol):
    """Reads one kind of signal. Made once; asked once per interval, by one thread at a time."""

    name: str

    def collect(self) -> Iterable[Sample]:
        """Return the values of now. May raise anything: the wrapper counts, logs and asks again."""

    def close(self) -> None:
        """Release descriptors. Idempotent."""


class Partly(Exception):
    """A part of what a collector reads is broken: the samples are those of the rest."""

    def __init__(self, problem: str, samples: Iterable[Sample]) -> None:
        super().__init__(problem)
        self.samples = list(samples)


@dataclass(frozen=True, slots=True)
class Options:
    """Settings that concern collectors.

    Attributes:
        cpu_levels: Levels of the CPU metrics.
        all_fields: Every field of the files that are read, not only the usual ones.
        exclude_devices: Block devices left out: names that match one of these in full.
        exclude_mounts: Mount points left out.
        exclude_interfaces: Network interfaces left out.
        job_detail: Whether steps and tasks of jobs are told, too.
        counters: Who reads the hardware counters.
        counters_lock: LIKWID's lock file: while another than root owns it, they are left to that user.
        likwid_group: LIKWID's performance group.
        job_processes: How many of a job's processes are told, greatest by CPU and by memory.
        likwid_program: Path of likwid-perfctr.
        deadline_seconds: How long one answer (a remote file system's) may take.
    """

    cpu_levels: Sequence[CpuLevel] = ("node", "socket")
    all_fields: bool = False
    exclude_devices: re.Pattern[str] = re.compile("|".join(EXCLUDED_DEVICES))
    exclude_mounts: re.Pattern[str] = re.compile("|".join(EXCLUDED_MOUNTS))
    exclude_interfaces: re.Pattern[str] = re.compile("|".join(EXCLUDED_INTERFACES))
    job_detail: JobDetail = "job"
    counters: CounterSource = "perf"
    counters_lock: str = COUNTERS_LOCK
    likwid_group: str = "MEM_DP"
    job_processes: int = 0
    likwid_program: str = LIKWID_PROGRAM
    deadline_seconds: float = 1.0


class Factory(Protocol):
    """A collector's class: the constructor is the probe.

    Raises:
        CollectorUnavailable: This node has no such thing.
    """

    name: str

    def __call__(self, host: Host, options: Options) -> Collector:
        """Make the collector."""
