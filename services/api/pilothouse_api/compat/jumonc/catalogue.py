"""What there is below /v1: layers, their metrics, and which of our metrics each one is."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["gauge", "rest", "counter", "fact"]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One metric of numbers.

    Attributes:
        name: Last part of its path.
        label: Key of its answer, without the unit.
        unit: Base unit: the value is written as text with the unit in the key; None: a plain JSON value.
        help: One sentence for the link.
        metrics: Our metrics that it is made of.
        kind: ``gauge`` a value; ``rest`` 100 less the sum of percentages; ``counter`` a rate of ours,
            counted since the start; ``fact`` a field of what the agent reported of its node.
        scale: One of ours in its units.
        optional: Shown only where somebody measures it.
    """

    name: str
    label: str
    unit: str | None
    help: str
    metrics: tuple[str, ...]
    kind: Kind = "gauge"
    scale: float = 1.0
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Layer:
    """A group of metrics.

    Attributes:
        noun: First part below /v1.
        kind: ``status`` or ``config``.
        help: One sentence for the link.
        parameters: What its metrics can be asked with.
        leaves: The metrics; network and GPU have tables of their own.
        linked: Whether the noun's index names it.
    """

    noun: str
    kind: Literal["status", "config"]
    help: str
    parameters: tuple[str, ...] = ()
    leaves: tuple[Leaf, ...] = ()
    linked: bool = True

    @property
    def path(self) -> str:
        """Its path."""
        return f"/v1/{self.noun}/{self.kind}"

    @property
    def stored(self) -> bool:
        """Whether its answers are stored, so that ``prefer_id`` makes sense."""
        return "prefer_id" in self.parameters

    def leaf(self, name: str) -> Leaf | None:
        """Return a metric by name."""
        return next((leaf for leaf in self.leaves if leaf.name == name), None)


def _disk(name: str, key: tuple[str, str], metric: str, text: str) -> Leaf:
    label, unit = key
    scale = _MS_OF_PERCENT if unit == "ms" else 1.0
    return Leaf(name, label, unit, text, (metric,), "counter", scale)


def _hardware_counter(name: str, unit: str, text: str) -> Leaf:
    return Leaf(name, f"{name}[{unit}]" if unit else name, None, text, (name,), optional=True)


_MS_OF_PERCENT = 10.0
"""One percent of the time is 10 ms in a second."""
_CPU_STATUS = (
    Leaf("load", "CPU load", None, "Load average of one minute", ("cpu_load",)),
    Leaf(
        "percent",
        "CPU utilization",
        None,
        "Time not idle, percent of all hardware threads",
        ("cpu_idle", "cpu_iowait"),
        "rest",
    ),
    Leaf("frequency", "CPU frequency", None, "Mean clock, MHz", ("clock",), scale=1e-6),
    _hardware_counter("ipc", "", "Instructions per cycle"),
    _hardware_counter("flops_any", "F/s", "Floating point operations of any precision"),
    _hardware_counter("flops_dp", "F/s", "Floating point operations of double precision"),
    _hardware_counter("flops_sp", "F/s", "Floating point operations of single precision"),
    _hardware_counter("mem_bw", "B/s", "Memory bandwidth"),
)
_CPU_CONFIG = (
    Leaf("model", "CPU model", None, "Name of the CPU", ("cpu_model",), "fact"),
    Leaf("sockets", "CPU sockets", None, "Number of sockets", ("sockets",), "fact"),
    Leaf("cores", "CPU cores", None, "Number of cores", ("cores",), "fact"),
    Leaf("threads", "CPU threads", None, "Number of hardware threads", ("hwthreads",), "fact"),
)
_MEMORY_STATUS = (
    Leaf("free", "free", "B", "Memory not used at all", ("mem_free",)),
    Leaf("used", "used", "B", "Memory used, without buffers and caches", ("mem_used",)),
)
_IO_STATUS = (
    _disk("read_count", ("read count", ""), "disk_read_ops", "Reads completed"),
    _disk("write_count", ("write count", ""), "disk_write_ops", "Writes completed"),
    _disk("read_bytes", ("read", "B"), "disk_read_bw", "Data read"),
    _disk("write_bytes", ("write", "B"), "disk_write_bw", "Data written"),
    _disk("read_time", ("read", "ms"), "disk_read_time", "Time spent by reads"),
    _disk("write_time", ("write", "ms"), "disk_write_time", "Time spent by writes"),
    _disk("busy_time", ("busy", "ms"), "disk_busy", "Time with a request in flight"),
    _disk("read_merged_count", ("merged read", ""), "disk_read_merges", "Reads merged"),
    _disk("write_merged_count", ("merged write", ""), "disk_write_merges", "Writes merged"),
)
_MEASURED = ("duration", "humanReadable", "node", "token", "prefer_id")
_PLAIN = ("node", "token", "prefer_id")
_CONFIGURED = ("duration", "humanReadable", "node", "token")
LAYERS: tuple[Layer, ...] = (
    Layer("cpu", "status", "What the CPUs do", _PLAIN, _CPU_STATUS),
    Layer("cpu", "config", "What the CPUs are", ("node", "token"), _CPU_CONFIG),
    Layer("gpu", "status", "What the GPUs do", ("humanReadable", "node", "token", "prefer_id")),
    Layer("gpu", "config", "What the GPUs are", ("humanReadable", "node", "token")),
    Layer("io", "status", "What the disks do, since the start", _MEASURED, _IO_STATUS),
    Layer("io", "config", "Nothing yet", linked=False),
    Layer("job", "status", "Nothing yet"),
    Layer(
        "job",
        "config",
        "Where the job runs",
        ("node", "token"),
        (Leaf("Nodename", "node name", None, "Name of the node", (), "fact"),),
    ),
    Layer("main_memory", "status", "How the memory is used", _MEASURED, _MEMORY_STATUS),
    Layer(
        "main_memory",
        "config",
        "How much memory there is",
        _CONFIGURED,
        (Leaf("total", "total", "B", "Memory that the kernel can use", ("mem_total",)),),
    ),
    Layer(
        "network",
        "status",
        "What the network interfaces do",
        ("duration", "interface", "humanReadable", "node", "token", "prefer_id"),
    ),
)
NOUNS: dict[str, str] = {
    "cache": "Answers that were given before",
    "cpu": "CPUs",
    "gpu": "GPUs",
    "io": "Disks",
    "job": "The job",
    "main_memory": "Main memory",
    "network": "Network interfaces",
    "scheduled": "Requests that are repeated",
}


def layer_at(noun: str, kind: str) -> Layer | None:
    """Return a layer by its two parts."""
    return next((x for x in LAYERS if (x.noun, x.kind) == (noun, kind)), None)
