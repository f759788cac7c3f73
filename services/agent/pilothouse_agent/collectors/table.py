"""Every collector there is. The order is the order in which they are asked."""

from collections.abc import Mapping

from pilothouse_agent.collectors.agent import AgentCollector
from pilothouse_agent.collectors.amd import AmdCollector
from pilothouse_agent.collectors.beegfs import BeegfsCollector
from pilothouse_agent.collectors.cgroup import CgroupCollector
from pilothouse_agent.collectors.clock import ClockCollector
from pilothouse_agent.collectors.cpu import CpuCollector
from pilothouse_agent.collectors.cpufreq import CpufreqCollector
from pilothouse_agent.collectors.cray import CrayCollector
from pilothouse_agent.collectors.disk import DiskCollector
from pilothouse_agent.collectors.edac import EdacCollector
from pilothouse_agent.collectors.energy import EnergyCollector
from pilothouse_agent.collectors.filesystem import FilesystemCollector
from pilothouse_agent.collectors.gpfs import GpfsCollector
from pilothouse_agent.collectors.hwmon import HwmonCollector
from pilothouse_agent.collectors.infiniband import InfinibandCollector
from pilothouse_agent.collectors.ipmi import IpmiCollector
from pilothouse_agent.collectors.limits import LimitsCollector
from pilothouse_agent.collectors.links import LinksCollector
from pilothouse_agent.collectors.load import LoadCollector
from pilothouse_agent.collectors.lustre import LustreCollector
from pilothouse_agent.collectors.memory import MemoryCollector
from pilothouse_agent.collectors.netstat import NetstatCollector
from pilothouse_agent.collectors.network import NetworkCollector
from pilothouse_agent.collectors.nfs import NfsCollector
from pilothouse_agent.collectors.numa import NumaCollector
from pilothouse_agent.collectors.nvidia import NvidiaCollector
from pilothouse_agent.collectors.paging import PagingCollector
from pilothouse_agent.collectors.perf import PerfCollector
from pilothouse_agent.collectors.port import Factory
from pilothouse_agent.collectors.pressure import PressureCollector
from pilothouse_agent.collectors.processes import ProcessesCollector
from pilothouse_agent.collectors.rapl import RaplCollector
from pilothouse_agent.collectors.slingshot import SlingshotCollector
from pilothouse_agent.collectors.sockets import SocketsCollector
from pilothouse_agent.collectors.thermal import ThermalCollector
from pilothouse_agent.collectors.uptime import UptimeCollector

COLLECTORS: tuple[Factory, ...] = (
    CpuCollector,
    LoadCollector,
    MemoryCollector,
    PagingCollector,
    PressureCollector,
    DiskCollector,
    NetworkCollector,
    InfinibandCollector,
    SlingshotCollector,
    NfsCollector,
    LustreCollector,
    GpfsCollector,
    BeegfsCollector,
    LimitsCollector,
    LinksCollector,
    NetstatCollector,
    SocketsCollector,
    UptimeCollector,
    PerfCollector,
    RaplCollector,
    CrayCollector,
    IpmiCollector,
    NumaCollector,
    CpufreqCollector,
    ClockCollector,
    HwmonCollector,
    ThermalCollector,
    EdacCollector,
    EnergyCollector,  # after all that tell it something
    CgroupCollector,
    ProcessesCollector,
    AgentCollector,
    FilesystemCollector,
    NvidiaCollector,
    AmdCollector,
)

INTERVALS: Mapping[str, float] = {
    "beegfs": 30,
    "clock": 60,
    "cpufreq": 30,
    "edac": 60,
    "hwmon": 60,
    "ipmi": 60,
    "perf": 30,
    "processes": 60,
    "limits": 30,
    "links": 30,
    "thermal": 60,
}
"""Least seconds between two answers of collectors that cost much or change slowly."""

LATE = frozenset({"amd", "beegfs", "gpfs", "infiniband", "lustre", "nfs", "nvidia", "slingshot"})
"""Those that are looked for again: their drivers and mounts may come after the agent."""
