"""Paging, swapping and what else the memory management counts. Source: proc_vmstat(5), mm/vmstat.c."""

import os

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import Host
from pilothouse_agent.rates import Field, Row, counter

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
FIELDS = {
    b"pgpgin": counter("page_in_bw", 1024),
    b"pgpgout": counter("page_out_bw", 1024),
    b"pswpin": counter("swap_in_bw", PAGE_BYTES),
    b"pswpout": counter("swap_out_bw", PAGE_BYTES),
    b"pgfault": counter("page_faults"),
    b"pgmajfault": counter("major_page_faults"),
    b"oom_kill": counter("oom_kills"),
}
COUNTERS_CALLED_NR = (
    b"nr_vmscan_", b"nr_dirtied", b"nr_written", b"nr_throttled_written", b"nr_foll_pin_", b"nr_tlb_",
)  # fmt: skip
GAUGES = (b"nr_", b"workingset_nodes")


class PagingCollector:
    """Reads lines ``pgfault 123``."""

    name = "paging"

    def __init__(self, host: Host, options: Options) -> None:
        self._file = host.open("proc/vmstat")
        self._clock = host.clock
        self._all = options.all_fields
        self._keys: list[bytes] = []
        self._row = Row(())

    def collect(self) -> list[Sample]:
        """Return rates; pages in use too when all fields are asked for."""
        words = self._file.read().split()
        keys = words[::2]
        if keys != self._keys:
            self._row = Row([self._field(key) for key in keys])
            self._keys = keys
        return self._row.samples(list(map(int, words[1::2])), self._clock.monotonic())

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _field(self, key: bytes) -> Field | None:
        if key in FIELDS or not self._all:
            return FIELDS.get(key)
        is_gauge = key.startswith(GAUGES) and not key.startswith(COUNTERS_CALLED_NR)
        return Field("vmstat_" + key.decode("ascii", "replace"), rate=not is_gauge)
