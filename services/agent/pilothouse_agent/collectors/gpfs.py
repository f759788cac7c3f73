"""GPFS (IBM Storage Scale): bandwidth, requests and metadata operations of each file system.

Source: IBM Storage Scale documentation, "mmpmon command", requests fs_io_s and ver, output of ``-p``.
Only root may use it. One process is kept; it is asked with a deadline.
"""

import os
import time

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.dialogue import Dialogue
from pilothouse_agent.host import CollectorUnavailable, Host
from pilothouse_agent.mounts import one_per_file_system, open_of_init, parse_mounts
from pilothouse_agent.rates import Row, counter, sum_by_name

PROGRAM = "usr/lpp/mmfs/bin/mmpmon"
REQUEST = b"fs_io_s\nver\n"  # the answer to ver tells that the one before is complete
ROW = b"_fs_io_s_"
LAST = b"_ver_"
SUMMED = ("gpfs_read_bw", "gpfs_write_bw", "gpfs_read_req", "gpfs_write_req")
FIELDS = {
    b"_br_": counter("gpfs_read_bw"),
    b"_bw_": counter("gpfs_write_bw"),
    b"_rdc_": counter("gpfs_read_req"),
    b"_wc_": counter("gpfs_write_req"),
    b"_oc_": counter("gpfs_open"),
    b"_cc_": counter("gpfs_close"),
    b"_dir_": counter("gpfs_readdir"),
    b"_iu_": counter("gpfs_inodes"),
}


class GpfsCollector:
    """Asks mmpmon for one line per mounted file system; the node's sum is over all of them."""

    name = "gpfs"

    def __init__(self, host: Host, options: Options) -> None:
        program = host.path(PROGRAM)
        if not os.access(program, os.X_OK):
            raise CollectorUnavailable(f"{program}: no such program")
        self._clock = host.clock
        self._options = options
        self._table = open_of_init(host, "mountinfo")
        self._mounts = b""
        self._points: dict[str, str] = {}
        self._rows: dict[str, Row] = {}
        self._mmpmon = Dialogue([program, "-p", "-s"])

    def collect(self) -> list[Sample]:
        """Return the samples of each file system, ``stype=filesystem`` by mount point, and of the node."""
        table = self._table.read()
        if table != self._mounts:
            self._mounts = table
            mounts = one_per_file_system(m for m in parse_mounts(table) if m.type == "gpfs")
            self._points = {m.source.rpartition("/")[2]: m.point for m in mounts}
        until = time.monotonic() + self._options.deadline_seconds
        answer = self._mmpmon.ask(REQUEST, LAST, until)
        now = self._clock.monotonic()
        samples: list[Sample] = []
        rows: dict[str, Row] = {}
        for line in answer:
            words = line.split()
            values = dict(zip(words[1::2], words[2::2], strict=False))
            if words[:1] == [ROW] and values[b"_rc_"] == b"0":  # else: none is mounted
                name = values[b"_fs_"].decode(errors="replace")
                point = self._points.get(name, name)
                if not self._options.exclude_mounts.fullmatch(point):
                    tags = ("node", "", "filesystem", point)
                    rows[point] = self._rows.get(point) or Row(list(FIELDS.values()), tags)
                    samples += rows[point].samples([int(values[key]) for key in FIELDS], now)
        self._rows = rows
        return samples + sum_by_name(samples, SUMMED)

    def close(self) -> None:
        """Close the file and end the process."""
        self._table.close()
        self._mmpmon.close()
