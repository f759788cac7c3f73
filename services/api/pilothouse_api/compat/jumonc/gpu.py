"""Answers of /v1/gpu: dictionaries as pynvml's DeviceQuery made them, from our accelerator series."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pilothouse_api.compat.jumonc.gauges import Sources
from pilothouse_api.compat.jumonc.nodes import Host
from pilothouse_api.compat.jumonc.question import Measured, clusters_of, not_measured
from pilothouse_api.compat.jumonc.values import Part

_MIB = 1 / 2**20
_MHZ = 1e-6
_KIB = 1 / 2**10
_TX = "NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX"
_RX = "NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_RX"


@dataclass(frozen=True, slots=True)
class Query:
    """One field of a device.

    Attributes:
        section: Where DeviceQuery puts it.
        field: Its name there.
        unit: Text beside it; empty: none.
        metric: Ours.
        scale: One of ours in that unit.
        unit_field: Name of the unit.
        less: Ours that is taken off it; empty: none.
    """

    section: str
    field: str
    unit: str
    metric: str
    scale: float = 1.0
    unit_field: str = "unit"
    less: str = ""


_UTILIZATION = "utilization"
_MEMORY = "fb_memory_usage"
STATUS: dict[str, Query] = {
    "utilization.gpu": Query(_UTILIZATION, "gpu_util", "%", "acc_utilization"),
    "utilization.memory": Query(_UTILIZATION, "memory_util", "%", "acc_mem_utilization"),
    "memory.used": Query(_MEMORY, "used", "MiB", "acc_mem_used", _MIB),
    "memory.total": Query(_MEMORY, "total", "MiB", "acc_mem_total", _MIB),
    "memory.free": Query(_MEMORY, "free", "MiB", "acc_mem_total", _MIB, less="acc_mem_used"),
    "power.draw": Query("power_readings", "power_draw", "W", "acc_power"),
    "temperature.gpu": Query("temperature", "gpu_temp", "C", "acc_temperature"),
    "fan.speed": Query("", "fan_speed", "%", "acc_fan", unit_field="fan_speed_unit"),
    "clocks.current.graphic": Query("clocks", "graphics_clock", "MHz", "acc_clock", _MHZ),
    "clocks.current.sm": Query("clocks", "sm_clock", "MHz", "acc_clock", _MHZ),
    "clocks.current.memory": Query("clocks", "mem_clock", "MHz", "acc_mem_clock", _MHZ),
    _TX: Query("pci", _TX, "KiB/s", "acc_pcie_tx_bw", _KIB, unit_field="Unit"),
    _RX: Query("pci", _RX, "KiB/s", "acc_pcie_rx_bw", _KIB, unit_field="Unit"),
}
"""By JuMonC's names. The last two are PCIe traffic there as well, whatever they are called."""
CONFIG: dict[str, Query] = {
    "memory.total": STATUS["memory.total"],
    "clocks.max.graphics": Query("max_clocks", "graphics_clock", "MHz", "acc_clock_max", _MHZ),
    "clocks.max.memory": Query("max_clocks", "mem_clock", "MHz", "acc_mem_clock_max", _MHZ),
    "power.limit": Query("power_readings", "power_limit", "W", "acc_power_limit"),
}


def measure(sources: Sources, name: str, query: Query, hosts: Sequence[Host]) -> Measured:
    """Return the devices of one node, or a list of that of several.

    Raises:
        NotFound: No device tells it.
        StoreUnavailable: The store cannot answer now.
    """
    nodes: list[dict[str, Any]] = []
    for group in clusters_of(hosts):
        found = _values(sources, query, group)
        for host in group:
            own = [value for (hostname, _), value in found.items() if hostname == host.hostname]
            nodes.append({"gpu": [_device(query, value) for value in own]})
    if not any(node["gpu"] for node in nodes):
        raise not_measured()
    body = nodes[0] if len(nodes) == 1 else nodes
    return Measured(body, {name: str(body)})


def _values(sources: Sources, query: Query, hosts: Sequence[Host]) -> dict[Part, float]:
    found = sources.values.newest_of_accelerators(hosts, query.metric)
    if not query.less:
        return found
    less = sources.values.newest_of_accelerators(hosts, query.less)
    return {part: value - less[part] for part, value in found.items() if part in less}


def _device(query: Query, value: float) -> dict[str, Any]:
    fields = {query.field: value * query.scale, query.unit_field: query.unit}
    return {query.section: fields} if query.section else fields
