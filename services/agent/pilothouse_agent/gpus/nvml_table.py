"""What is asked of an NVIDIA card: each question with the metrics that its answer holds.

Costs differ by a thousand: ``nvmlDeviceGetPcieThroughput`` measures for 20 ms where the field has a
counter, and the averaged power field takes 3 ms where nvmlDeviceGetPowerUsage takes microseconds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pilothouse_agent.gpus.nvml import ALL_LINKS
from pilothouse_agent.rates import Field, counter

MEGAHERTZ = 1e6
MILLI = 1e-3
KIBIBYTE = 1024
KILOBYTE = 1000
POWER_REASONS = 0x4 | 0x80
THERMAL_REASONS = 0x20 | 0x40
HARDWARE_REASONS = 0x8


@dataclass(frozen=True, slots=True)
class Asked:
    """One call.

    Attributes:
        fields: What its values mean, in order.
        ask: Gets pynvml and a handle.
        mig: A MIG instance answers it too.
    """

    fields: tuple[Field, ...]
    ask: Callable[[Any, Any], Sequence[float]]
    mig: bool = False


@dataclass(frozen=True, slots=True)
class FieldValue:
    """One value of the batch that nvmlDeviceGetFieldValues returns; ``name`` is NVML's constant."""

    name: str
    fields: tuple[Field, ...]
    scope: int = 0


def _utilization(nv: Any, handle: Any) -> Sequence[float]:
    rates = nv.nvmlDeviceGetUtilizationRates(handle)
    return rates.gpu, rates.memory


def _memory(nv: Any, handle: Any) -> Sequence[float]:
    """Version 2 leaves out what the driver itself holds, as nvidia-smi does."""
    try:
        memory = nv.nvmlDeviceGetMemoryInfo(handle, nv.nvmlMemory_v2)
    except (nv.NVMLError_FunctionNotFound, nv.NVMLError_NotSupported):
        memory = nv.nvmlDeviceGetMemoryInfo(handle)
    return memory.used, memory.total


def _power(nv: Any, handle: Any) -> Sequence[float]:
    return (nv.nvmlDeviceGetPowerUsage(handle),)


def _power_limit(nv: Any, handle: Any) -> Sequence[float]:
    return (nv.nvmlDeviceGetEnforcedPowerLimit(handle),)


def _clock(which: str, function: str) -> Callable[[Any, Any], Sequence[float]]:
    def ask(nv: Any, handle: Any) -> Sequence[float]:
        return (getattr(nv, function)(handle, getattr(nv, f"NVML_CLOCK_{which}")),)

    return ask


def _temperature(nv: Any, handle: Any) -> Sequence[float]:
    try:
        return (nv.nvmlDeviceGetTemperatureV(handle, nv.NVML_TEMPERATURE_GPU),)
    except nv.NVMLError_FunctionNotFound:  # drivers before 560
        return (nv.nvmlDeviceGetTemperature(handle, nv.NVML_TEMPERATURE_GPU),)


def _fan(nv: Any, handle: Any) -> Sequence[float]:
    return (nv.nvmlDeviceGetFanSpeed(handle),)


def _throttle(nv: Any, handle: Any) -> Sequence[float]:
    try:
        reasons = nv.nvmlDeviceGetCurrentClocksEventReasons(handle)
    except nv.NVMLError_FunctionNotFound:  # drivers before 535
        reasons = nv.nvmlDeviceGetCurrentClocksThrottleReasons(handle)
    masks = (POWER_REASONS, THERMAL_REASONS, HARDWARE_REASONS)
    return [*(float(bool(reasons & mask)) for mask in masks), reasons]


def _link(nv: Any, handle: Any) -> Sequence[float]:
    return (
        nv.nvmlDeviceGetCurrPcieLinkGeneration(handle),
        nv.nvmlDeviceGetCurrPcieLinkWidth(handle),
    )


def _encoder(nv: Any, handle: Any) -> Sequence[float]:
    return (nv.nvmlDeviceGetEncoderUtilization(handle)[0],)


def _decoder(nv: Any, handle: Any) -> Sequence[float]:
    return (nv.nvmlDeviceGetDecoderUtilization(handle)[0],)


def _pcie(nv: Any, handle: Any) -> Sequence[float]:
    return (
        nv.nvmlDeviceGetPcieThroughput(handle, nv.NVML_PCIE_UTIL_RX_BYTES),
        nv.nvmlDeviceGetPcieThroughput(handle, nv.NVML_PCIE_UTIL_TX_BYTES),
    )


ASKED: tuple[Asked, ...] = (
    Asked((Field("acc_utilization"), Field("acc_mem_utilization")), _utilization),
    Asked((Field("acc_mem_used"), Field("acc_mem_total")), _memory, mig=True),
    Asked((Field("acc_power", factor=MILLI),), _power),
    Asked((Field("acc_power_limit", factor=MILLI),), _power_limit),
    Asked((Field("acc_clock", factor=MEGAHERTZ),), _clock("SM", "nvmlDeviceGetClockInfo")),
    Asked((Field("acc_mem_clock", factor=MEGAHERTZ),), _clock("MEM", "nvmlDeviceGetClockInfo")),
    Asked((Field("acc_clock_max", factor=MEGAHERTZ),), _clock("SM", "nvmlDeviceGetMaxClockInfo")),
    Asked(
        (Field("acc_mem_clock_max", factor=MEGAHERTZ),), _clock("MEM", "nvmlDeviceGetMaxClockInfo")
    ),
    Asked((Field("acc_temperature"),), _temperature),
    Asked((Field("acc_fan"),), _fan),
    Asked(
        (
            Field("acc_throttle_power"),
            Field("acc_throttle_thermal"),
            Field("acc_throttle_hardware"),
            Field("acc_throttle_reasons"),
        ),
        _throttle,
    ),
    Asked((Field("acc_pcie_generation"), Field("acc_pcie_width")), _link),
    Asked((Field("acc_encoder_utilization"),), _encoder),
    Asked((Field("acc_decoder_utilization"),), _decoder),
)
SLOW_PCIE = Asked(
    (Field("acc_pcie_rx_bw", factor=KILOBYTE), Field("acc_pcie_tx_bw", factor=KILOBYTE)),
    _pcie,
)
"""Asked only where the card has no byte counters and every field is wanted."""

FIELD_VALUES: tuple[FieldValue, ...] = (
    FieldValue(
        "TOTAL_ENERGY_CONSUMPTION",
        (Field("acc_energy", factor=MILLI), counter("acc_power_mean", MILLI)),
    ),
    FieldValue("MEMORY_TEMP", (Field("acc_mem_temperature"),)),
    FieldValue("PCIE_COUNT_RX_BYTES", (counter("acc_pcie_rx_bw"),)),
    FieldValue("PCIE_COUNT_TX_BYTES", (counter("acc_pcie_tx_bw"),)),
    FieldValue("PCIE_REPLAY_COUNTER", (Field("acc_pcie_replays"),)),
    FieldValue("NVLINK_THROUGHPUT_DATA_RX", (counter("acc_link_rx_bw", KIBIBYTE),), ALL_LINKS),
    FieldValue("NVLINK_THROUGHPUT_DATA_TX", (counter("acc_link_tx_bw", KIBIBYTE),), ALL_LINKS),
    FieldValue("NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL", (Field("acc_link_flit_crc_errors"),)),
    FieldValue("NVLINK_CRC_DATA_ERROR_COUNT_TOTAL", (Field("acc_link_data_crc_errors"),)),
    FieldValue("NVLINK_REPLAY_ERROR_COUNT_TOTAL", (Field("acc_link_replays"),)),
    FieldValue("NVLINK_RECOVERY_ERROR_COUNT_TOTAL", (Field("acc_link_recoveries"),)),
    FieldValue("ECC_SBE_VOL_TOTAL", (Field("acc_ecc_corrected"),)),
    FieldValue("ECC_DBE_VOL_TOTAL", (Field("acc_ecc_uncorrected"),)),
    FieldValue("ECC_SBE_AGG_TOTAL", (Field("acc_ecc_corrected_lifetime"),)),
    FieldValue("ECC_DBE_AGG_TOTAL", (Field("acc_ecc_uncorrected_lifetime"),)),
    FieldValue("RETIRED_SBE", (Field("acc_retired_pages_corrected"),)),
    FieldValue("RETIRED_DBE", (Field("acc_retired_pages_uncorrected"),)),
    FieldValue("RETIRED_PENDING", (Field("acc_retired_pages_pending"),)),
    FieldValue("REMAPPED_COR", (Field("acc_remapped_rows_corrected"),)),
    FieldValue("REMAPPED_UNC", (Field("acc_remapped_rows_uncorrected"),)),
    FieldValue("REMAPPED_PENDING", (Field("acc_remapped_rows_pending"),)),
    FieldValue("REMAPPED_FAILURE", (Field("acc_remapped_rows_failed"),)),
)
