"""Lustre as a client: bandwidth, requests and metadata operations of each mount.

Source: Lustre Operations Manual, "Monitoring a Lustre File System", llite.*.stats; lctl-get_param(8). The
file is in procfs, and since Lustre 2.12 in debugfs, which only root may read. It is the client's own
memory: reading it asks no server. A line appears when its operation is used for the first time.
"""

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options, Partly
from pilothouse_agent.host import CollectorUnavailable, Host
from pilothouse_agent.llite import Client
from pilothouse_agent.mounts import Mount, one_per_file_system, open_of_init, parse_mounts
from pilothouse_agent.rates import sum_by_name

ROOTS = ("proc/fs/lustre/llite", "sys/kernel/debug/lustre/llite")
PRESENT = ("sys/fs/lustre", "proc/fs/lustre")
SUMMED = ("lustre_read_bw", "lustre_write_bw", "lustre_read_req", "lustre_write_req")


class LustreCollector:
    """Reads one file per mounted file system; the node's sum is over all of them."""

    name = "lustre"

    def __init__(self, host: Host, options: Options) -> None:
        self._host = host
        self._options = options
        self._table = open_of_init(host, "mountinfo")
        self._seen: tuple[list[str], bytes] = ([], b"")
        self._clients: dict[str, Client] = {}
        if not any(host.names(path) for path in PRESENT + ROOTS):
            self.close()
            raise CollectorUnavailable(f"{host.path(PRESENT[0])}: Lustre is not loaded")
        if host.names("sys/fs/lustre/llite") and not self._directories():
            self.close()
            raise CollectorUnavailable(f"{host.path(ROOTS[1])}: only root may read it")

    def collect(self) -> list[Sample]:
        """Return the samples of each file system, ``stype=filesystem`` by mount point, and of the node.

        Raises:
            Partly: The statistics of a mounted one cannot be read.
        """
        seen = self._directories(), self._table.read()
        if seen != self._seen:
            self._seen = seen
            self._plan(seen[0], parse_mounts(seen[1]))
        now = self._host.clock.monotonic()
        samples: list[Sample] = []
        problems: list[str] = []
        for name, client in self._clients.items():
            try:
                samples += client.samples(now)
            except OSError as exc:
                if any(each.endswith(f"/{name}") for each in self._directories()):
                    problems.append(f"{name}: {exc}")  # else it was unmounted just now
        samples += sum_by_name(samples, SUMMED)
        if problems:
            raise Partly("; ".join(problems), samples)
        return samples

    def close(self) -> None:
        """Close the files."""
        for file in (self._table, *(client.file for client in self._clients.values())):
            file.close()

    def _directories(self) -> list[str]:
        return [f"{root}/{name}" for root in ROOTS for name in self._host.names(root)]

    def _plan(self, directories: list[str], mounts: Iterable[Mount]) -> None:
        points = points_of(mounts)
        opened = self._open(directories)
        file_systems = Counter(map(file_system_of, opened))
        self._clients = {}
        for name, client in opened.items():
            file_system = file_system_of(name)
            shown = points.get(file_system, [file_system])
            # which of two clients of one file system has which mount point, nothing tells
            identity = name if file_systems[file_system] > 1 else shown[0]
            if self._options.exclude_mounts.fullmatch(identity):
                client.file.close()
            else:
                client.tell_as(identity)
                self._clients[name] = client

    def _open(self, directories: Iterable[str]) -> dict[str, Client]:
        """Return the clients, by name; those that stay are the same as before."""
        opened: dict[str, Client] = {}
        for directory in directories:
            name = directory.rpartition("/")[2]
            kept = self._clients.pop(name, None)
            if kept is not None:
                opened[name] = kept
            elif name not in opened:
                with suppress(CollectorUnavailable):  # a directory of procfs without the file
                    file = self._host.open(f"{directory}/stats")
                    opened[name] = Client(file, self._options.all_fields)
        for gone in self._clients.values():
            gone.file.close()
        return opened


def file_system_of(name: str) -> str:
    """Return the file system's name from that of a client: ``scratch`` of ``scratch-ffff9bc043537800``."""
    return name.rpartition("-")[0] or name


def points_of(mounts: Iterable[Mount]) -> dict[str, list[str]]:
    """Return mount points by file system; the source is ``10.0.0.1@o2ib:/scratch/below``."""
    points: dict[str, list[str]] = {}
    for mount in one_per_file_system(m for m in mounts if m.type == "lustre"):
        file_system = mount.source.rpartition(":/")[2].partition("/")[0]
        points.setdefault(file_system, []).append(mount.point)
    return points
