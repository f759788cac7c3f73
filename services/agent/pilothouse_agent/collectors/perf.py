"""Hardware counters of the whole node: instructions, caches, floating point, memory traffic.

By the kernel's perf events or by LIKWID, as set; not at all while a user owns LIKWID's lock file.
"""

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.counters.likwid import LikwidSource
from pilothouse_agent.counters.perf_source import PerfSource
from pilothouse_agent.host import CollectorUnavailable, Host


class PerfCollector:
    """Chooses who counts."""

    name = "perf"

    def __init__(self, host: Host, options: Options) -> None:
        if options.counters == "off":
            raise CollectorUnavailable("PILOTHOUSE_COUNTERS is off")
        self._source: PerfSource | LikwidSource = (
            LikwidSource(host, options)
            if options.counters == "likwid"
            else PerfSource(host, options)
        )

    def collect(self) -> list[Sample]:
        """Return rates over the interval per socket and of the node."""
        return self._source.collect()

    def close(self) -> None:
        """Give the counters back."""
        self._source.close()
