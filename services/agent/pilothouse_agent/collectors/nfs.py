"""NFS as this node uses it, by mount, and as it serves it.

Source: mountstats(8), nfsstat(8); kernel's fs/nfs/iostat.h, net/sunrpc/stats.c, fs/nfsd/stats.c. None of
these files asks a server, so none hangs when one is dead.
"""

from collections.abc import Iterable
from contextlib import suppress

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import CollectorUnavailable, Host, KeptFile
from pilothouse_agent.mounts import one_per_file_system, open_of_init, parse_mounts
from pilothouse_agent.mountstats import (
    NOTHING,
    NfsMount,
    may_be_mounted,
    mount_points,
    parse_mountstats,
)
from pilothouse_agent.rates import Field, Mean, Row, counter, sum_by_name

MILLISECOND = 0.001
RPC_BITS = 32
SUMMED = (
    "nfs_read_bw",
    "nfs_write_bw",
    "nfs_read_req",
    "nfs_write_req",
    "nfs_ops",
    "nfs_retransmits",
)
SERVER_READ, SERVER_WRITE = 4, 5
OPENING = (b"OPEN", b"OPEN_NOATTR")
OPEN, ACCESS, FSYNC, RELEASE = 4, 6, 15, 17
USUAL = (
    *SUMMED, "nfs_timeouts", "nfs_open", "nfs_close", "nfs_fsync", "nfs_accesses", "nfs_getattr",
    "nfs_connects", "nfs_bad_xids",
)  # fmt: skip
EVENTS = (
    "inode_revalidate", "dentry_revalidate", "data_invalidate", "attribute_invalidate", "open", "lookup",
    "access", "update_page", "read_page", "read_pages", "write_page", "write_pages", "getdents",
    "setattr", "flush", "fsync", "lock", "release", "congestion_wait", "setattr_truncate", "extend_write",
    "silly_rename", "short_read", "short_write", "delay", "pnfs_read", "pnfs_write",
)  # fmt: skip
RPC = {
    "nfs": {
        ("rpc", 0): counter("nfs_rpc_calls", bits=RPC_BITS),
        ("rpc", 1): counter("nfs_rpc_retransmits", bits=RPC_BITS),
        ("rpc", 2): counter("nfs_rpc_auth_refreshes", bits=RPC_BITS),
    },
    "nfsd": {
        ("io", 0): counter("nfsd_read_bw", bits=RPC_BITS),
        ("io", 1): counter("nfsd_write_bw", bits=RPC_BITS),
        ("rpc", 0): counter("nfsd_rpc_calls", bits=RPC_BITS),
        ("rpc", 1): counter("nfsd_rpc_bad_calls", bits=RPC_BITS),
        ("net", 3): counter("nfsd_connects", bits=RPC_BITS),
        ("fh", 0): counter("nfsd_stale_handles", bits=RPC_BITS),
        ("rc", 0): counter("nfsd_reply_cache_hits", bits=RPC_BITS),
        ("th", 0): Field("nfsd_threads"),
    },
}


class MountRates:
    """What one mount does per second, and how long it takes."""

    def __init__(self, mount: NfsMount, all_fields: bool) -> None:
        tags = ("node", "", "filesystem", mount.point)
        self.operations = list(mount.operations)
        self._all = all_fields
        names = [*USUAL]
        if all_fields:
            names += [f"nfs_event_{name}" for name in EVENTS[: len(mount.events)]]
            names += [f"nfs_op_{_word(name)}" for name in self.operations]
        self._row = Row([counter(name) for name in names], tags)
        self._means = [
            Mean("nfs_read_latency", MILLISECOND, tags),
            Mean("nfs_write_latency", MILLISECOND, tags),
            Mean("nfs_latency", MILLISECOND, tags),
            Mean("nfs_queue_time", MILLISECOND, tags),
            Mean("nfs_backlog", 1, tags),
        ]

    def samples(self, mount: NfsMount, now: float) -> list[Sample]:
        """Return its rates since the last call."""
        read = mount.operations.get(b"READ", NOTHING)
        write = mount.operations.get(b"WRITE", NOTHING)
        sums = mount.totals()
        getattr_requests = mount.operations.get(b"GETATTR", NOTHING)[0]
        events = mount.events
        # NFSv4 counts the opening of a file as a request, and as an event that of directories only
        opened = events[OPEN] + sum(mount.operations.get(op, NOTHING)[0] for op in OPENING)
        values = [
            mount.traffic[SERVER_READ], mount.traffic[SERVER_WRITE], read[0], write[0], sums[0],
            sums[1] - sums[0], sums[2], opened, events[RELEASE], events[FSYNC], events[ACCESS],
            getattr_requests, mount.connects, mount.bad_xids,
        ]  # fmt: skip
        if self._all:
            values += events[: len(EVENTS)]
            values += [columns[0] for columns in mount.operations.values()]
        samples = self._row.samples(values, now)
        pairs = (
            (read[6], read[0]), (write[6], write[0]), (sums[6], sums[0]), (sums[5], sums[0]),
            (mount.backlog, mount.sends),
        )  # fmt: skip
        for mean, (total, count) in zip(self._means, pairs, strict=True):
            samples += mean.samples(total, count)
        return samples


def _word(name: bytes) -> str:
    return name.decode("ascii", "replace").lower()


class NfsCollector:
    """Reads what the kernel counts for each mount, for all of them, and for the server."""

    name = "nfs"

    def __init__(self, host: Host, options: Options) -> None:
        self._host = host
        self._all = options.all_fields
        self._exclude = options.exclude_mounts
        self._stats = open_of_init(host, "mountstats")
        self._rpc: list[tuple[KeptFile, list[tuple[str, int]], Row]] = []
        for name, fields in RPC.items():
            with suppress(CollectorUnavailable):  # no client or no server here
                file = host.open(host.network(f"rpc/{name}"))
                self._rpc.append((file, list(fields), Row(list(fields.values()))))
        if not self._rpc and not may_be_mounted(self._stats.read()):
            self.close()
            raise CollectorUnavailable(f"{self._stats.path}: no NFS, and no client or server of it")
        self._seen: list[str] | None = None
        self._chosen: list[str] = []
        self._rates: dict[str, MountRates] = {}

    def collect(self) -> list[Sample]:
        """Return the samples of each mount, ``stype=filesystem``, of the node, and of the server."""
        table = self._stats.read()
        now = self._host.clock.monotonic()
        seen = mount_points(table)
        if seen != self._seen:
            self._choose(seen)
        samples: list[Sample] = []
        rates: dict[str, MountRates] = {}
        for mount in parse_mountstats(table, self._chosen):
            kept = self._rates.get(mount.point)
            if kept is None or kept.operations != list(mount.operations):
                kept = MountRates(mount, self._all)
            rates[mount.point] = kept
            samples += kept.samples(mount, now)
        self._rates = rates
        samples += sum_by_name(samples, SUMMED)
        for file, wanted, row in self._rpc:
            lines = {
                words[0]: words[1:] for words in map(str.split, file.read().decode().splitlines())
            }
            samples += row.samples([int(lines[line][column]) for line, column in wanted], now)
        return samples

    def close(self) -> None:
        """Close the files."""
        for file in (self._stats, *(file for file, _, _ in self._rpc)):
            file.close()

    def _choose(self, seen: Iterable[str]) -> None:
        """Leave out what is excluded, and bind mounts, which repeat the numbers of their file system."""
        self._seen = list(seen)
        table = open_of_init(self._host, "mountinfo")
        mounts = parse_mounts(table.read())
        table.close()
        first = {mount.point for mount in one_per_file_system(mounts)}
        known = {mount.point for mount in mounts}
        self._chosen = [
            point
            for point in self._seen
            if (point in first or point not in known) and not self._exclude.fullmatch(point)
        ]
