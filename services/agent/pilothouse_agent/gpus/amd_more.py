"""What amdsmi tells of one AMD card beyond the kernel's files: energy, xGMI traffic, throttling.

Not asked: ``amdsmi_get_violation_status``, which takes two samples 100 ms apart. Its counters are in the
metrics table, too; we compare them from interval to interval.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.gpus.amdsmi import AmdSmi
from pilothouse_agent.gpus.device import NotOffered, NoValue
from pilothouse_agent.rates import Field, Row, counter

MICRO = 1e-6
KIBIBYTE = 1024
THROTTLES: Mapping[str, tuple[str, ...]] = {
    "acc_throttle_power": ("ppt_residency_acc",),
    "acc_throttle_thermal": (
        "socket_thm_residency_acc",
        "vr_thm_residency_acc",
        "hbm_thm_residency_acc",
    ),
    "acc_throttle_hardware": ("prochot_residency_acc",),
}


class More:
    """Asks amdsmi for one card; what it refuses for good is not asked again.

    Args:
        smi: The library, started.
        handle: Of the card.
        tags: Of every sample.
    """

    def __init__(self, smi: AmdSmi, handle: Any, tags: tuple[str, ...]) -> None:
        self._smi = smi
        self._handle = handle
        self._tags = tags
        self._energy = Row([Field("acc_energy"), counter("acc_power_mean")], tags)
        self._links = Row(
            [counter("acc_link_rx_bw", KIBIBYTE), counter("acc_link_tx_bw", KIBIBYTE)], tags
        )
        self._residencies: dict[str, float] = {}
        self._questions: list[Callable[[float], list[Sample]]] = [self._ask_energy, self._ask_table]

    def samples(self, now: float) -> list[Sample]:
        """Return the values of now, at a monotonic time."""
        samples: list[Sample] = []
        refused = []
        for question in self._questions:
            try:
                samples += question(now)
            except NotOffered:
                refused.append(question)
            except NoValue:
                continue  # this time
        self._questions = [each for each in self._questions if each not in refused]
        return samples

    def _ask_energy(self, now: float) -> list[Sample]:
        told = self._smi.ask(lambda smi, h: smi.amdsmi_get_energy_count(h), self._handle)
        count = told.get("energy_accumulator", told.get("power"))  # its name before ROCm 6.2
        joules = count * told["counter_resolution"] * MICRO
        return self._energy.samples((joules, joules), now)

    def _ask_table(self, now: float) -> list[Sample]:
        table = self._smi.ask(lambda smi, h: smi.amdsmi_get_gpu_metrics_info(h), self._handle)
        read, written = (
            [each for each in table.get(name, ()) if isinstance(each, int)]
            for name in ("xgmi_read_data_acc", "xgmi_write_data_acc")
        )
        samples = self._links.samples((sum(read), sum(written)), now) if read and written else []
        return samples + self._throttles(table)

    def _throttles(self, table: Mapping[str, Any]) -> list[Sample]:
        """Return 1 where a counter of time spent throttled grew since the last call."""
        before, self._residencies = self._residencies, {}
        samples = []
        for metric, names in THROTTLES.items():
            now = {name: table[name] for name in names if isinstance(table.get(name), int)}
            self._residencies |= now
            if now and now.keys() <= before.keys():
                grown = any(value > before[name] for name, value in now.items())
                samples.append(Sample(metric, float(grown), *self._tags))
        return samples
