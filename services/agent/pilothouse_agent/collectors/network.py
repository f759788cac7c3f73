"""Network interfaces and their sum. Source: proc_pid_net(5), /proc/net/dev."""

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import Host
from pilothouse_agent.rates import Row, counter, sum_by_name

HEADER_LINES = 2
SUMMED = ("eth_read_bw", "eth_write_bw")
USUAL = frozenset(
    f"eth_{way}_{what}" for way in ("read", "write") for what in ("bw", "pkts", "errors", "drops")
)
READ = ("bw", "pkts", "errors", "drops", "fifo_errors", "frame_errors", "compressed", "multicast")
WRITE = (
    "bw",
    "pkts",
    "errors",
    "drops",
    "fifo_errors",
    "collisions",
    "carrier_errors",
    "compressed",
)
FIELDS = tuple(
    counter(f"eth_{way}_{what}")
    for way, columns in (("read", READ), ("write", WRITE))
    for what in columns
)


class NetworkCollector:
    """Reads ``eth0: bytes packets …``; the node's sum is over the interfaces that are hardware."""

    name = "network"

    def __init__(self, host: Host, options: Options) -> None:
        self._file = host.open(host.network("dev"))
        self._host = host
        self._exclude = options.exclude_interfaces
        self._fields = [f if options.all_fields or f.metric in USUAL else None for f in FIELDS]
        self._seen: list[bytes] = []
        self._rows: dict[bytes, Row] = {}
        self._summed: frozenset[bytes] = frozenset()

    def collect(self) -> list[Sample]:
        """Return the samples of each interface, ``stype=network``, and of the node."""
        lines = [line.rpartition(b":") for line in self._file.read().splitlines()[HEADER_LINES:]]
        seen = [line[0] for line in lines]
        if seen != self._seen:
            self._plan(seen)
        now = self._host.clock.monotonic()
        samples: list[Sample] = []
        summed: list[Sample] = []
        for name, _, columns in lines:
            row = self._rows.get(name)
            if row is not None:
                own = row.samples(list(map(int, columns.split())), now)
                samples += own
                if name in self._summed:
                    summed += own
        sums = sum_by_name(summed, SUMMED)
        if sums:
            sums.append(Sample("net_bw", sum(sample.value for sample in sums)))
        return samples + sums

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _plan(self, seen: list[bytes]) -> None:
        """Keep the rows of interfaces that stay; a bond and its members must not be added twice."""
        rows: dict[bytes, Row] = {}
        hardware: set[bytes] = set()
        for interface in seen:
            name = interface.strip().decode(errors="replace")
            if not self._exclude.fullmatch(name):
                tags = ("node", "", "network", name)
                rows[interface] = self._rows.get(interface) or Row(self._fields, tags)
                if self._host.names(f"sys/class/net/{name}/device"):
                    hardware.add(interface)
        self._rows, self._seen = rows, seen
        self._summed = frozenset(hardware or rows)
