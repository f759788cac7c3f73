"""Which events a node's CPUs offer, in order of worth: the first are opened first.

Source: perf_event_open(2) for the general ones; Intel SDM volume 3, chapter 21 (FP_ARITH_INST_RETIRED);
AMD's Processor Programming References (PMCx003, data fabric, UMC), as Linux' pmu-events name them.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pilothouse_agent.counters.pmu import HARDWARE, RAW, SOFTWARE, Event, Pmu, units
from pilothouse_agent.host import Host

LINE_BYTES = 64
INTEL_FP, AMD_FP = 0xC7, 0x03
INTEL_WITH_FP = frozenset(
    {
        0x3D, 0x47, 0x4F, 0x56,  # Broadwell
        0x4E, 0x5E, 0x55, 0x8E, 0x9E, 0xA5, 0xA6,  # Skylake to Comet Lake
        0x7D, 0x7E, 0x6A, 0x6C, 0x8C, 0x8D, 0xA7,  # Ice Lake, Tiger Lake, Rocket Lake
        0x8F, 0xCF, 0xAD, 0xAE,  # Sapphire, Emerald and Granite Rapids
    }
)  # fmt: skip
INTEL_FP_PAIRS = (  # (umask, operations of one instruction): never more than two counters at once
    ("flops_dp", ((0x01, 1), (0x04, 2))),
    ("flops_dp", ((0x10, 4), (0x40, 8))),
    ("flops_sp", ((0x02, 1), (0x08, 4))),
    ("flops_sp", ((0x20, 8), (0x80, 16))),
)
_MEMORY = re.compile(r"(?:cas_count|data)_(read|write)s?(?:_.*)?")
_CPU = re.compile(r"^(vendor_id|cpu family|model)\s*:\s*(\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Offer:
    """A group of events.

    Attributes:
        events: Read together.
        adds: What each event adds to, with which weight.
        cpus: On which threads; None: on all.
        threads: Name of the number of threads on which it was read, or "".
    """

    events: tuple[Event, ...]
    adds: tuple[tuple[tuple[str, float], ...], ...]
    cpus: tuple[int, ...] | None = None
    threads: str = ""


def offers(host: Host, *, software: bool) -> Iterator[Offer]:
    """Yield the groups to try; which of them exist shows when they are opened."""
    yield _general(("cycles", 0), ("instructions", 1))
    yield from _memory(host)
    yield from _floating_point(host)
    yield from _clock(host)
    yield _general(("cache_references", 2), ("cache_misses", 3))
    yield _general(("branch_instructions", 4), ("branch_misses", 5))
    if software:
        names = (("perf_page_faults", 2), ("perf_context_switches", 3), ("perf_cpu_migrations", 4))
        yield _general(*names, kind=SOFTWARE)


def _general(*events: tuple[str, int], kind: int = HARDWARE) -> Offer:
    return Offer(
        tuple(Event(kind, config) for _, config in events), tuple(((n, 1.0),) for n, _ in events)
    )


def _floating_point(host: Host) -> Iterator[Offer]:
    vendor, family, model = _cpu(host)
    if vendor == "GenuineIntel" and family == 6 and model in INTEL_WITH_FP:
        for metric, pair in INTEL_FP_PAIRS:
            kinds = ["scalar" if flops == 1 else "packed" for _, flops in pair]
            yield Offer(
                tuple(Event(RAW, INTEL_FP | umask << 8) for umask, _ in pair),
                tuple(
                    ((metric, flops), (kind, 1.0))
                    for (_, flops), kind in zip(pair, kinds, strict=True)
                ),
            )
    elif vendor == "AuthenticAMD" and family in (0x17, 0x19, 0x1A):
        umask = 0xFF if family == 0x17 and model < 0x30 else 0x0F
        yield Offer((Event(RAW, AMD_FP | umask << 8),), ((("flops_any", 1.0),),))


def _clock(host: Host) -> Iterator[Offer]:
    """Yield the registers that count at the clock of the moment and at the nominal one, while not idle."""
    names = ("aperf", "mperf", "tsc")
    for pmu in units(host, "msr"):
        events = [pmu.named(name) for name in names]
        known = [event for event in events if event is not None]
        if len(known) == len(names):
            yield Offer(tuple(known), tuple(((n, 1.0),) for n in names), threads="clock_threads")


def _memory(host: Host) -> Iterator[Offer]:
    """Yield memory controllers' events: those of the first kind of unit that there is."""
    intel = units(host, "uncore_imc")
    own = [pmu for pmu in intel if "free_running" not in pmu.name]
    found = list(filter(None, map(_described, own))) or list(filter(None, map(_described, intel)))
    found = found or list(filter(None, map(_umc, units(host, "amd_umc"))))
    yield from found or _data_fabric(host)


def _described(pmu: Pmu) -> Offer | None:
    matches = [m for m in map(_MEMORY.fullmatch, pmu.names()) if m]
    pairs = [(m, event) for m in matches if (event := pmu.named(m[0])) is not None]
    adds = [((f"mem_{m[1]}_bw", pmu.bytes_per_count(m[0])),) for m, _ in pairs]
    return _uncore(pmu, [event for _, event in pairs], adds)


def _umc(pmu: Pmu) -> Offer | None:
    directions = (("mem_read_bw", 1), ("mem_write_bw", 2))
    events = [pmu.event(f"event=0x0a,rdwrmask={mask}") for _, mask in directions]
    adds = [((name, float(LINE_BYTES)),) for name, _ in directions]
    known = [event for event in events if event is not None]
    return _uncore(pmu, known, adds) if len(known) == len(events) else None


def _data_fabric(host: Host) -> Iterator[Offer]:
    """Yield the eight channels of Zen to Zen 3, four at once; they do not tell reads from writes."""
    vendor, family, model = _cpu(host)
    zen3 = family == 0x19 and (model < 0x10 or 0x20 <= model < 0x60)
    if vendor != "AuthenticAMD" or not (family == 0x17 or zen3):
        return
    for pmu in units(host, "amd_df"):
        for first in (0, 4):
            channels = range(first, first + 4)
            events = [pmu.event(f"event={0x07 + 0x40 * n:#x},umask=0x38") for n in channels]
            known = [event for event in events if event is not None]
            offer = _uncore(pmu, known, [(("mem_bw", float(LINE_BYTES)),)] * len(known))
            if offer is not None:
                yield offer


def _uncore(
    pmu: Pmu, events: Sequence[Event], adds: Sequence[tuple[tuple[str, float], ...]]
) -> Offer | None:
    cpus = pmu.cpus()
    return Offer(tuple(events), tuple(adds), tuple(cpus)) if events and cpus else None


def _cpu(host: Host) -> tuple[str, int, int]:
    """Return vendor, family and model of the first CPU that /proc/cpuinfo tells of."""
    first = host.read("proc/cpuinfo").partition("\n\n")[0]
    found = dict(_CPU.findall(first))
    try:
        return found.get("vendor_id", ""), int(found["cpu family"]), int(found["model"])
    except (KeyError, ValueError):
        return "", 0, 0
