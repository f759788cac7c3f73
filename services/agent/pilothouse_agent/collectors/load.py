"""Load averages and tasks. Source: proc_loadavg(5)."""

from collections.abc import Iterator

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import Host


class LoadCollector:
    """Reads ``1.50 0.75 0.25 3/120 4711``."""

    name = "load"

    def __init__(self, host: Host, options: Options) -> None:  # noqa: ARG002 the shape of all
        self._file = host.open("proc/loadavg")

    def collect(self) -> Iterator[Sample]:
        """Return the load averages, runnable and existing tasks."""
        one, five, fifteen, tasks, _last_pid = self._file.read().split()
        running, total = tasks.split(b"/")
        yield Sample("cpu_load", float(one))
        yield Sample("load_five", float(five))
        yield Sample("load_fifteen", float(fifteen))
        yield Sample("proc_run", int(running))
        yield Sample("proc_total", int(total))

    def close(self) -> None:
        """Close the file."""
        self._file.close()
