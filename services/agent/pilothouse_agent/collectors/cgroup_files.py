"""What the files of one job's, step's or task's cgroup say, and as which metrics.

Sources: kernel's cgroup-v2.rst; cgroup-v1/{cpuacct,cpusets,memory}.rst; psi.rst.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import nan

from pilothouse_agent.jobs.job import parse_ids
from pilothouse_agent.rates import Field, counter

PERCENT_PER_MICROSECOND = 1e-4
PERCENT_PER_TICK = 1.0  # of USER_HZ, which is 100 on every Linux
PERCENT_PER_NANOSECOND = 1e-7
UNLIMITED = 1 << 60
"""v1 writes the largest multiple of a page for "no limit"."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file.

    Attributes:
        controller: Whose directory it is in, with cgroup v1.
        name: Of the file.
        read: Gives one value per field; NaN for one that is not told.
        fields: What the values mean.
    """

    controller: str
    name: str
    read: Callable[[bytes], Sequence[float]]
    fields: tuple[Field | None, ...]


def _keyed(data: bytes) -> dict[bytes, int]:
    words = data.split()
    return dict(zip(words[::2], map(int, words[1::2]), strict=True))


def _only(*keys: bytes) -> Callable[[bytes], list[float]]:
    """Return a reader of these keys of a file of keys and values."""

    def read(data: bytes) -> list[float]:
        found = _keyed(data)
        return [found.get(key, nan) for key in keys]

    return read


def _limit(data: bytes) -> list[float]:
    value = nan if data.startswith(b"max") else int(data)
    return [nan if value >= UNLIMITED else value]


def _number(data: bytes) -> list[float]:
    return [int(data)]


def _count(data: bytes) -> list[float]:
    """Count the hardware threads; none means that nothing confines the job."""
    return [len(parse_ids(data.decode("ascii", "replace").strip())) or nan]


def _v2_memory(data: bytes) -> list[float]:
    found = _keyed(data)
    shared = found.get(b"shmem", 0)
    return [found[b"anon"] + shared, found[b"file"] - shared]


def _v1_memory(data: bytes) -> list[float]:
    found = _keyed(data)
    shared = found.get(b"total_shmem", 0)
    return [
        found[b"total_rss"] + shared,
        found[b"total_cache"] - shared,
        found.get(b"total_swap", nan),
    ]


def _pressure(data: bytes) -> list[float]:
    """Read ``some avg10=0.12 avg60=0.05 avg300=0.01 total=4711`` and the same of ``full``."""
    totals = {line[:4]: int(line.rpartition(b"=")[2]) for line in data.splitlines()}
    return [totals.get(b"some", nan), totals.get(b"full", nan)]


def _io(data: bytes) -> list[float]:
    """Add up the devices: ``254:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0``."""
    sums = dict.fromkeys((b"rbytes", b"wbytes", b"rios", b"wios"), 0)
    for word in data.split():
        key, equals, value = word.partition(b"=")
        if equals and key in sums:
            sums[key] += int(value)
    return list(sums.values())


def _stalls(resource: str, *, full: bool = True) -> tuple[Field | None, ...]:
    some = counter(f"job_pressure_{resource}_some", PERCENT_PER_MICROSECOND)
    other = counter(f"job_pressure_{resource}_full", PERCENT_PER_MICROSECOND) if full else None
    return some, other


_USED = (Field("job_mem_used"), Field("job_mem_cache"))
_PEAK = (Field("job_max_mem_used"),)
_LIMIT = (Field("job_mem_limit"),)
_CPUS = Source("cpuset", "cpuset.cpus", _count, (Field("job_hwthreads"),))

V2 = (
    Source(
        "cpu",
        "cpu.stat",
        _only(b"user_usec", b"system_usec", b"throttled_usec"),
        (
            counter("job_user_cpu", PERCENT_PER_MICROSECOND),
            counter("job_sys_cpu", PERCENT_PER_MICROSECOND),
            counter("job_cpu_throttled", PERCENT_PER_MICROSECOND),
        ),
    ),
    _CPUS,
    Source("memory", "memory.stat", _v2_memory, _USED),
    Source("memory", "memory.peak", _number, _PEAK),
    Source("memory", "memory.max", _limit, _LIMIT),
    Source("memory", "memory.swap.current", _number, (Field("job_swap_used"),)),
    Source(
        "memory",
        "memory.events",
        _only(b"oom_kill", b"max"),
        (Field("job_oom_kills"), Field("job_mem_failures")),
    ),
    Source("cpu", "cpu.pressure", _pressure, _stalls("cpu", full=False)),
    Source("memory", "memory.pressure", _pressure, _stalls("memory")),
    Source("io", "io.pressure", _pressure, _stalls("io")),
    Source(
        "io",
        "io.stat",
        _io,
        (
            counter("job_io_read_bw"),
            counter("job_io_write_bw"),
            counter("job_io_read_ops"),
            counter("job_io_write_ops"),
        ),
    ),
    Source("pids", "pids.current", _number, (Field("job_tasks"),)),
)
V1 = (
    Source(
        "cpuacct",
        "cpuacct.stat",
        _only(b"user", b"system"),
        (counter("job_user_cpu", PERCENT_PER_TICK), counter("job_sys_cpu", PERCENT_PER_TICK)),
    ),
    _CPUS,
    Source("memory", "memory.stat", _v1_memory, (*_USED, Field("job_swap_used"))),
    Source("memory", "memory.max_usage_in_bytes", _number, _PEAK),
    Source("memory", "memory.limit_in_bytes", _limit, _LIMIT),
    Source(
        "cpu",
        "cpu.stat",
        _only(b"throttled_time"),
        (counter("job_cpu_throttled", PERCENT_PER_NANOSECOND),),
    ),
    Source("pids", "pids.current", _number, (Field("job_tasks"),)),
)
V1_OWN = (
    Source("memory", "memory.failcnt", _number, (Field("job_mem_failures"),)),
    Source("memory", "memory.oom_control", _only(b"oom_kill"), (Field("job_oom_kills"),)),
)
"""Each cgroup of v1 counts these for itself alone; steps and tasks must be added."""
