"""Block devices: operations, bandwidth, how busy. Source: kernel's iostats.rst."""

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import Host
from pilothouse_agent.rates import Field, Row, counter

SECTOR_BYTES = 512  # whatever the device's own sectors are
BUSY_PERCENT = 0.1  # of one millisecond per second
MILLISECONDS_BITS = 32
FIRST_COLUMN = 3
USUAL = frozenset(
    {
        "disk_read_ops",
        "disk_read_bw",
        "disk_write_ops",
        "disk_write_bw",
        "disk_in_flight",
        "disk_busy",
        "disk_queue",
    }
)
FIELDS = (
    counter("disk_read_ops"),
    counter("disk_read_merges"),
    counter("disk_read_bw", SECTOR_BYTES),
    counter("disk_read_time", BUSY_PERCENT, MILLISECONDS_BITS),
    counter("disk_write_ops"),
    counter("disk_write_merges"),
    counter("disk_write_bw", SECTOR_BYTES),
    counter("disk_write_time", BUSY_PERCENT, MILLISECONDS_BITS),
    Field("disk_in_flight"),
    counter("disk_busy", BUSY_PERCENT, MILLISECONDS_BITS),
    counter("disk_queue", 0.001, MILLISECONDS_BITS),
    counter("disk_discard_ops"),
    counter("disk_discard_merges"),
    counter("disk_discard_bw", SECTOR_BYTES),
    counter("disk_discard_time", BUSY_PERCENT, MILLISECONDS_BITS),
    counter("disk_flush_ops"),
    counter("disk_flush_time", BUSY_PERCENT, MILLISECONDS_BITS),
)


class DiskCollector:
    """Reads /proc/diskstats: whole devices, not their partitions."""

    name = "disk"

    def __init__(self, host: Host, options: Options) -> None:
        self._file = host.open("proc/diskstats")
        self._host = host
        self._exclude = options.exclude_devices
        self._fields = [f if options.all_fields or f.metric in USUAL else None for f in FIELDS]
        self._seen: list[bytes] = []
        self._rows: dict[bytes, Row] = {}

    def collect(self) -> list[Sample]:
        """Return the samples of each device, ``stype=device``."""
        lines = [line.split() for line in self._file.read().splitlines()]
        seen = [words[2] for words in lines]
        if seen != self._seen:
            self._plan(seen, columns=len(lines[0]) - FIRST_COLUMN if lines else 0)
        now = self._host.clock.monotonic()
        samples: list[Sample] = []
        for words in lines:
            row = self._rows.get(words[2])
            if row is not None:
                samples += row.samples(list(map(int, words[FIRST_COLUMN:])), now)
        return samples

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _plan(self, seen: list[bytes], columns: int) -> None:
        """Keep the rows of devices that stay; old kernels have fewer columns."""
        whole = {name.replace("!", "/") for name in self._host.names("sys/block")}
        rows: dict[bytes, Row] = {}
        for device in seen:
            name = device.decode(errors="replace")
            if (not whole or name in whole) and not self._exclude.fullmatch(name):
                tags = ("node", "", "device", name)
                rows[device] = self._rows.get(device) or Row(self._fields[:columns], tags)
        self._rows, self._seen = rows, seen
