"""What the agent itself costs. Source: proc_pid_statm(5); clock_gettime(2)."""

import os
from collections.abc import Iterator

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import Host
from pilothouse_agent.rates import Row, counter

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class AgentCollector:
    """Reads this process's CPU time and memory."""

    name = "agent"

    def __init__(self, host: Host, options: Options) -> None:  # noqa: ARG002 the shape of all
        self._file = host.open("proc/self/statm")
        self._host = host
        self._cpu = Row([counter("agent_cpu", 100)])

    def collect(self) -> Iterator[Sample]:
        """Return the part of one hardware thread that it used, and its resident memory."""
        yield from self._cpu.samples([self._host.cpu_seconds()], self._host.clock.monotonic())
        yield Sample("agent_rss", int(self._file.read().split()[1]) * PAGE_BYTES)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
