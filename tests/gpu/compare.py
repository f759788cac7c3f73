"""Our values of every NVIDIA GPU beside those of nvidia-smi, under load: ``make test-gpu``.

Needs a GPU, its driver and nvidia-smi, and of Python packages only msgspec and nvidia-ml-py, so that it runs
on a machine without a network, too:

    PYTHONPATH=libs/common:services/agent:. python3 -m tests.gpu.compare
"""

import csv
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pilothouse_agent.collectors.nvidia import NvidiaCollector
from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import Host
from pilothouse_common.contract.samples import Sample

from tests.gpu import load

MEBIBYTE = 1 << 20
MEGAHERTZ = 1_000_000
LOAD_SECONDS = 20.0
LOAD_BYTES = 2 << 30
SETTLE_SECONDS = 5.0  # the utilisation that the driver tells is a mean over up to a second
WINDOW_SECONDS = 5.0
NOT_THERE = ("[N/A]", "[Not Supported]", "N/A", "")


@dataclass(frozen=True)
class Compared:
    """One column of nvidia-smi and our metric.

    Attributes:
        column: As ``nvidia-smi --help-query-gpu`` names it.
        metric: Ours.
        factor: From nvidia-smi's unit to ours.
        absolute: How far they may be apart, in our unit; the two are asked one after the other.
        relative: The same, as a part of nvidia-smi's value.
    """

    column: str
    metric: str
    factor: float = 1
    absolute: float = 0
    relative: float = 0


COMPARED = (
    Compared("utilization.gpu", "acc_utilization", absolute=10),
    Compared("utilization.memory", "acc_mem_utilization", absolute=10),
    Compared("memory.used", "acc_mem_used", MEBIBYTE, absolute=64 * MEBIBYTE),
    Compared("memory.total", "acc_mem_total", MEBIBYTE, absolute=MEBIBYTE),
    Compared("power.draw", "acc_power", relative=0.1, absolute=5),
    Compared("enforced.power.limit", "acc_power_limit", absolute=0.01),
    Compared("clocks.sm", "acc_clock", MEGAHERTZ, relative=0.1),
    Compared("clocks.mem", "acc_mem_clock", MEGAHERTZ, relative=0.02),
    Compared("clocks.max.sm", "acc_clock_max", MEGAHERTZ),
    Compared("clocks.max.mem", "acc_mem_clock_max", MEGAHERTZ),
    Compared("temperature.gpu", "acc_temperature", absolute=3),
    Compared("temperature.memory", "acc_mem_temperature", absolute=3),
    Compared("fan.speed", "acc_fan", absolute=5),
    Compared("pcie.link.gen.current", "acc_pcie_generation"),
    Compared("pcie.link.width.current", "acc_pcie_width"),
    Compared("ecc.errors.corrected.volatile.total", "acc_ecc_corrected"),
    Compared("ecc.errors.uncorrected.volatile.total", "acc_ecc_uncorrected"),
    Compared("ecc.errors.corrected.aggregate.total", "acc_ecc_corrected_lifetime"),
    Compared("ecc.errors.uncorrected.aggregate.total", "acc_ecc_uncorrected_lifetime"),
)

Values = dict[tuple[str, str], float]
"""By PCI address and metric."""


def nvidia_smi(query: str, columns: list[str]) -> list[dict[str, str]]:
    """Return the rows of one query, numbers without units."""
    answer = subprocess.run(
        ["nvidia-smi", f"--query-{query}={','.join(columns)}", "--format=csv,noheader,nounits"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    rows = csv.reader(answer.stdout.splitlines(), skipinitialspace=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def whole_cards(samples: list[Sample]) -> Values:
    return {
        (s.type_id, s.name): s.value for s in samples if s.type == "accelerator" and not s.stype
    }


def bus_id(told: str) -> str:
    """Return ``0000:3b:00.0`` for nvidia-smi's ``00000000:3B:00.0``."""
    domain, _, rest = told.lower().partition(":")
    return f"{domain[-4:]}:{rest}"


def compare(ours: Values, theirs: list[dict[str, str]]) -> Iterator[tuple[str, bool]]:
    """Give a line per card and metric, and whether the two agree; both may have none."""
    for row in theirs:
        card = bus_id(row["pci.bus_id"])
        for each in COMPARED:
            text, own = row[each.column], ours.get((card, each.metric))
            if text in NOT_THERE:
                agree, expected = own is None, "none"
            else:
                value = float(text) * each.factor
                room = max(each.absolute, each.relative * value)
                agree, expected = own is not None and abs(own - value) <= room, f"{value:g}"
            yield f"{card} {each.metric}: {own} here, {expected} in nvidia-smi", agree


def under_load(work: Callable[[], None]) -> None:
    """Run ``work`` while the first GPU computes."""
    argv = [sys.executable, load.__file__, str(LOAD_SECONDS), str(LOAD_BYTES)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "busy\n", "the load did not start"
            work()
        finally:
            process.terminate()


def check() -> list[str]:
    """Print the comparison; return the lines that do not agree."""
    collector = NvidiaCollector(Host(), Options(all_fields=True))
    wrong: list[str] = []

    def one_look() -> None:
        time.sleep(SETTLE_SECONDS)  # a load takes time to heat and to be averaged
        collector.collect()
        powers = []
        end = time.monotonic() + WINDOW_SECONDS
        while time.monotonic() < end:
            powers.append([float(r["power.draw"]) for r in nvidia_smi("gpu", ["power.draw"])])
        start = time.perf_counter()
        samples = collector.collect()
        cost = time.perf_counter() - start
        theirs = nvidia_smi("gpu", ["pci.bus_id", *(each.column for each in COMPARED)])
        ours = whole_cards(samples)
        checks = list(compare(ours, theirs))
        first = bus_id(theirs[0]["pci.bus_id"])
        busy = ours.get((first, "acc_utilization"), 0)
        checks.append((f"{first} acc_utilization: {busy} % under load", busy >= 90))
        mean, told = ours.get((first, "acc_power_mean")), sum(p[0] for p in powers) / len(powers)
        if mean is not None:
            close = abs(mean - told) <= 0.1 * told
            checks.append((f"{first} acc_power_mean: {mean:g}, nvidia-smi {told:g}", close))
        checks += processes_agree(samples)
        for line, agree in checks:
            print("ok   " if agree else "WRONG", line, flush=True)
        wrong.extend(line for line, agree in checks if not agree)
        print(f"{len(samples)} samples in {cost * 1000:.1f} ms", flush=True)

    try:
        under_load(one_look)
    finally:
        collector.close()
    return wrong


def processes_agree(samples: list[Sample]) -> Iterator[tuple[str, bool]]:
    """Compare the processes: in a container neither side may see any."""
    rows = nvidia_smi("compute-apps", ["pid", "used_memory"])
    theirs = {r["pid"]: float(r["used_memory"]) for r in rows if r["used_memory"] not in NOT_THERE}
    ours = {s.stype_id: s.value / MEBIBYTE for s in samples if s.stype == "process"}
    close = ours.keys() == theirs.keys() and all(abs(ours[p] - theirs[p]) <= 64 for p in ours)
    yield f"processes: {ours} here, {theirs} in nvidia-smi", close


if __name__ == "__main__":
    sys.exit(1 if check() else 0)
