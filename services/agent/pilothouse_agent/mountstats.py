"""Reads mountstats, the NFS client's statistics of each mount.

Source: kernel's fs/nfs/super.c (nfs_show_stats) and net/sunrpc/{stats,xprtsock}.c; mountstats(8).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from pilothouse_agent.mounts import plain_path

NOTHING = [0] * 8
_NFS = re.compile(rb"device \S+ mounted on (\S+) with fstype nfs4? statvers=")
XPRT_COLUMNS = {  # of connections, requests sent, replies nobody waited for, and the backlog's sum
    b"tcp": (2, 5, 7, 9),
    b"rdma": (2, 5, 7, 9),
    b"local": (1, 4, 6, 8),
    b"udp": (None, 2, 4, 6),
}


@dataclass(slots=True)
class NfsMount:
    """The statistics of one mount; all count up since it was mounted.

    Attributes:
        point: Mount point.
        traffic: bytes: normal, direct and server's bytes (read, written each), pages (read, written).
        events: The 27 counters of VFS events.
        connects: Connections made.
        sends: Requests sent.
        bad_xids: Replies that nobody waited for.
        backlog: Length of the backlog, added up over the requests.
        operations: By name: requests, transmissions, major timeouts, bytes sent, bytes received,
            milliseconds queued, until the reply, and in all; errors (since Linux 5.3). NOTHING where
            there was no request.
    """

    point: str
    traffic: list[int] = field(default_factory=list)
    events: list[int] = field(default_factory=list)
    connects: int = 0
    sends: int = 0
    bad_xids: int = 0
    backlog: int = 0
    operations: dict[bytes, list[int]] = field(default_factory=dict)

    def add_line(self, line: bytes) -> None:
        """Read one line below the mount's first: ``READ: 1 1 0 88 4096 0 2 2``, ``bytes: 1 2 …``."""
        name, _, rest = line.partition(b":")
        name = name.strip()
        if name.isupper():
            idle = rest.startswith(b" 0 0 ")
            self.operations[name] = NOTHING if idle else list(map(int, rest.split()))
        elif name == b"bytes":
            self.traffic = list(map(int, rest.split()))
        elif name == b"events":
            self.events = list(map(int, rest.split()))
        elif name == b"xprt":
            self._add_transport(rest.split())

    def totals(self) -> list[int]:
        """Return the sums of the columns of all operations."""
        used = [columns for columns in self.operations.values() if columns is not NOTHING]
        return [sum(column) for column in zip(*used, strict=False)] or NOTHING

    def _add_transport(self, words: list[bytes]) -> None:
        protocol = words[0].partition(b"-")[0]  # tcp-tls
        if protocol not in XPRT_COLUMNS:
            return
        connects, sends, bad_xids, backlog = XPRT_COLUMNS[protocol]
        columns = list(map(int, words[1:]))
        self.connects += 0 if connects is None else columns[connects]
        self.sends += columns[sends]
        self.bad_xids += columns[bad_xids]
        self.backlog += columns[backlog]


def mount_points(table: bytes) -> list[str]:
    """Return where NFS is mounted, in the table's order."""
    return [plain_path(found[1]) for found in _NFS.finditer(table)]


def may_be_mounted(table: bytes) -> bool:
    """Tell whether NFS is mounted, or an automounter may mount it."""
    return _NFS.search(table) is not None or b" with fstype autofs\n" in table


def parse_mountstats(table: bytes, chosen: Iterable[str]) -> list[NfsMount]:
    """Return the statistics of the chosen mount points; of mounts over each other the last one's.

    Raises:
        ValueError: A column is no number.
        IndexError: A line is cut off.
    """
    wanted = set(chosen)
    mounts: dict[str, NfsMount] = {}
    current: NfsMount | None = None
    for line in table.splitlines():
        if not line.startswith(b"\t"):
            if line:  # a blank line stands before the operations
                current = _begin(line, wanted)
                if current is not None:
                    mounts[current.point] = current
        elif current is not None:
            current.add_line(line)
    return list(mounts.values())


def _begin(line: bytes, wanted: set[str]) -> NfsMount | None:
    found = _NFS.match(line)
    if found is None:
        return None
    point = plain_path(found[1])
    return NfsMount(point) if point in wanted else None
