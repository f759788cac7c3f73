"""GPM, NVIDIA's activity counters since Hopper: how busy the parts of a GPU were between two samples.

The only way to the utilisation of a MIG instance. Source: NVML API Reference Guide, "GPM Functions".
"""

from typing import Any

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.gpus.device import DeviceGone, NotOffered, NoValue
from pilothouse_agent.gpus.nvml import Nvml

INSTANCE_METRICS = (
    ("GRAPHICS_UTIL", "acc_utilization"),
    ("SM_UTIL", "acc_sm_utilization"),
    ("DRAM_BW_UTIL", "acc_mem_bw_utilization"),
)
DEVICE_METRICS = (
    *INSTANCE_METRICS[1:],
    ("SM_OCCUPANCY", "acc_sm_occupancy"),
    ("ANY_TENSOR_UTIL", "acc_tensor_utilization"),
    ("FP64_UTIL", "acc_fp64_utilization"),
    ("FP32_UTIL", "acc_fp32_utilization"),
    ("FP16_UTIL", "acc_fp16_utilization"),
)


class Gpm:
    """Two samples of one device or GPU instance, the older one overwritten each time.

    Args:
        nvml: The library.
        handle: The device; of a MIG instance, the one that it is part of.
        metrics: NVML's names and ours.
        tags: Of every sample.
        instance: GPU instance, or None for the whole device.
    """

    def __init__(
        self,
        nvml: Nvml,
        handle: Any,
        metrics: tuple[tuple[str, str], ...],
        tags: tuple[str, ...],
        instance: int | None = None,
    ) -> None:
        nv = nvml.pynvml
        self._nvml = nvml
        self._handle = handle
        self._instance = instance
        self._tags = tags
        known = ((getattr(nv, f"NVML_GPM_METRIC_{name}", None), ours) for name, ours in metrics)
        self._metrics = [(number, ours) for number, ours in known if number is not None]
        self._samples = [nv.nvmlGpmSampleAlloc(), nv.nvmlGpmSampleAlloc()]
        self._taken = False
        self._answer = nv.c_nvmlGpmMetricsGet_t()
        self._answer.version = nv.NVML_GPM_METRICS_GET_VERSION

    def samples(self) -> list[Sample]:
        """Return the means since the last call; none in the first.

        Raises:
            DeviceGone: The device has to be found anew.
        """
        older, newer = self._samples
        try:
            self._nvml.ask(self._take, older)  # the oldest is overwritten and becomes the newest
        except (NotOffered, NoValue):
            self._taken = False
            return []
        self._samples = [newer, older]
        if not self._taken:
            self._taken = True
            return []
        return self._compare(*self._samples)

    def close(self) -> None:
        """Free both samples. Idempotent."""
        samples, self._samples = self._samples, []
        for sample in samples:
            try:
                self._nvml.ask(lambda nv, s: nv.nvmlGpmSampleFree(s), sample)
            except (NotOffered, NoValue, DeviceGone):
                return  # they went with the driver

    def _take(self, nv: Any, sample: Any) -> None:
        if self._instance is None:
            nv.nvmlGpmSampleGet(self._handle, sample)
        else:
            nv.nvmlGpmMigSampleGet(self._handle, self._instance, sample)

    def _compare(self, before: Any, after: Any) -> list[Sample]:
        answer = self._answer
        answer.sample1, answer.sample2 = before, after
        answer.numMetrics = len(self._metrics)
        for place, (number, _) in enumerate(self._metrics):
            answer.metrics[place].metricId = number
        try:
            self._nvml.ask(lambda nv, a: nv.nvmlGpmMetricsGet(a), answer)
        except (NotOffered, NoValue):
            return []
        return [
            Sample(ours, answer.metrics[place].value, *self._tags)
            for place, (_, ours) in enumerate(self._metrics)
            if answer.metrics[place].nvmlReturn == 0
        ]


def open_gpm(
    nvml: Nvml,
    handle: Any,
    tags: tuple[str, ...],
    instance: int | None = None,
) -> Gpm | None:
    """Return the counters of a device or instance, or None where the card or driver has none.

    Raises:
        DeviceGone: The device has to be found anew.
    """
    metrics = DEVICE_METRICS if instance is None else INSTANCE_METRICS
    try:
        support = nvml.ask(lambda nv, h: nv.nvmlGpmQueryDeviceSupport(h), handle)
        if not support.isSupportedDevice:
            return None
        return nvml.ask(lambda _, h: Gpm(nvml, h, metrics, tags, instance), handle)  # type: ignore[no-any-return]
    except (NotOffered, NoValue):
        return None
