"""Block devices and their bandwidth's sum. Source: kernel's iostats.rst, /proc/diskstats."""

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import Host
from pilothouse_agent.rates import Field, Row, counter, sum_by_name

SECTOR_BYTES = 512  # whatever the device's own sectors are
BUSY_PERCENT = 0.1  # of one millisecond per second
MILLISECONDS_BITS = 32
FIRST_COLUMN = 3
SUMMED = ("disk_read_bw", "disk_write_bw")
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
    """Reads whole devices, not their partitions; the node's sum is over those that are hardware."""

    name = "disk"

    def __init__(self, host: Host, options: Options) -> None:
        self._file = host.open("proc/diskstats")
        self._host = host
        self._exclude = options.exclude_devices
        self._fields = [f if options.all_fields or f.metric in USUAL else None for f in FIELDS]
        self._seen: list[bytes] = []
        self._rows: dict[bytes, Row] = {}
        self._summed: frozenset[bytes] = frozenset()

    def collect(self) -> list[Sample]:
        """Return the samples of each device, ``stype=device``, and the node's bandwidth."""
        lines = [line.split() for line in self._file.read().splitlines()]
        seen = [words[2] for words in lines]
        if seen != self._seen:
            self._plan(seen, columns=len(lines[0]) - FIRST_COLUMN if lines else 0)
        now = self._host.clock.monotonic()
        samples: list[Sample] = []
        summed: list[Sample] = []
        for words in lines:
            row = self._rows.get(words[2])
            if row is not None:
                own = row.samples(list(map(int, words[FIRST_COLUMN:])), now)
                samples += own
                if words[2] in self._summed:
                    summed += own
        return samples + sum_by_name(summed, SUMMED)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _plan(self, seen: list[bytes], columns: int) -> None:
        """Keep the rows of devices that stay; old kernels have fewer columns.

        Only hardware is summed: what is written to a RAID is written to its members, too.
        """
        whole = {name.replace("!", "/") for name in self._host.names("sys/block")}
        rows: dict[bytes, Row] = {}
        hardware: set[bytes] = set()
        for device in seen:
            name = device.decode(errors="replace")
            if (not whole or name in whole) and not self._exclude.fullmatch(name):
                tags = ("node", "", "device", name)
                rows[device] = self._rows.get(device) or Row(self._fields[:columns], tags)
                if self._host.names(f"sys/block/{name.replace('/', '!')}/device"):
                    hardware.add(device)
        self._rows, self._seen = rows, seen
        self._summed = frozenset(hardware or rows)
