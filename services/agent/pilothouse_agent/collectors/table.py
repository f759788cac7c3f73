"""Every collector there is. The order is the order in which they are asked."""

from pilothouse_agent.collectors.cpu import CpuCollector
from pilothouse_agent.collectors.load import LoadCollector
from pilothouse_agent.collectors.memory import MemoryCollector
from pilothouse_agent.collectors.port import Factory

COLLECTORS: tuple[Factory, ...] = (
    CpuCollector,
    LoadCollector,
    MemoryCollector,
)
