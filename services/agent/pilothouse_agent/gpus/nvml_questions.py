"""Asks a handle of NVML what it offers, and never again what it once refused for good."""

from collections.abc import Iterable
from typing import Any

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.gpus.device import DeviceGone, NotOffered, NoValue
from pilothouse_agent.gpus.nvml import Nvml
from pilothouse_agent.gpus.nvml_table import FIELD_VALUES, Asked, FieldValue
from pilothouse_agent.rates import Field, Row

DETAIL_METRICS = frozenset(
    {
        "acc_throttle_reasons",
        "acc_clock_max",
        "acc_mem_clock_max",
        "acc_encoder_utilization",
        "acc_decoder_utilization",
    }
)
VALUE_TYPES = ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal", "usVal")
"""Members of NVML's union of values, in the order of nvmlValueType_t."""


class Questions:
    """The calls that a handle answers; each that it refuses for good is dropped."""

    def __init__(
        self, nvml: Nvml, handle: Any, asked: Iterable[Asked], tags: tuple[str, ...], detail: bool
    ) -> None:
        self._nvml = nvml
        self._handle = handle
        self._asked = [
            (each, Row(wanted, tags))
            for each in asked
            if any(wanted := [_wanted(field, detail) for field in each.fields])
        ]

    def samples(self, now: float) -> list[Sample]:
        """Return the values of now."""
        samples: list[Sample] = []
        refused: list[Asked] = []
        for asked, row in self._asked:
            try:
                samples += row.samples(self._nvml.ask(asked.ask, self._handle), now)
            except NotOffered:
                refused.append(asked)
            except NoValue:
                continue  # this time; its absence is seen in the series
        if refused:
            self._asked = [pair for pair in self._asked if pair[0] not in refused]
        return samples


class FieldBatch:
    """Field values: one call for all of them, each with its own answer."""

    def __init__(self, nvml: Nvml, handle: Any, tags: tuple[str, ...]) -> None:
        self._nvml = nvml
        self._handle = handle
        self._asked: list[tuple[FieldValue, int, Row]] = []
        for each in FIELD_VALUES:
            number = getattr(nvml.pynvml, f"NVML_FI_DEV_{each.name}", None)
            if number is not None:
                self._asked.append((each, number, Row(each.fields, tags)))

    def offers(self, metric: str) -> bool:
        """Tell whether a metric is still among the fields: not refused."""
        return any(field.metric == metric for each, _, _ in self._asked for field in each.fields)

    def samples(self, now: float) -> list[Sample]:
        """Return the values of now."""
        if not self._asked:
            return []
        ids = [(number, each.scope) for each, number, _ in self._asked]
        try:
            told = self._nvml.ask(lambda nv, h: nv.nvmlDeviceGetFieldValues(h, ids), self._handle)
        except NotOffered:
            self._asked = []
            return []
        except NoValue:
            return []
        samples: list[Sample] = []
        kept: list[tuple[FieldValue, int, Row]] = []
        for entry, value in zip(self._asked, told, strict=True):
            problem = self._nvml.problem(value.nvmlReturn) if value.nvmlReturn else None
            if isinstance(problem, DeviceGone):
                raise problem
            if problem is None:
                number = float(getattr(value.value, VALUE_TYPES[value.valueType]))
                samples += entry[2].samples([number] * len(entry[0].fields), now)
            if not isinstance(problem, NotOffered):
                kept.append(entry)
        self._asked = kept
        return samples


def _wanted(field: Field, detail: bool) -> Field | None:
    return field if detail or field.metric not in DETAIL_METRICS else None
