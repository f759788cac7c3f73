"""Time since the node started. Source: proc_uptime(5)."""

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import Host


class UptimeCollector:
    """Reads ``12345.67 54321.00``."""

    name = "uptime"

    def __init__(self, host: Host, options: Options) -> None:  # noqa: ARG002 the shape of all
        self._file = host.open("proc/uptime")

    def collect(self) -> list[Sample]:
        """Return the uptime."""
        return [Sample("uptime", float(self._file.read().split()[0]))]

    def close(self) -> None:
        """Close the file."""
        self._file.close()
