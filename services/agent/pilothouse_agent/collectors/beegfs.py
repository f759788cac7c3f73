"""BeeGFS as a client: its connections, and which targets it cannot reach.

Source: BeeGFS client module, /proc/fs/beegfs/<client>/{config,.status,meta_nodes,storage_nodes,
meta_target_state,storage_target_state}. The client counts no bytes, and requests only when it was built for
debugging. The servers do (``beegfs-ctl --clientstats``), but each answer is about every client and every
server is asked: from every node of a cluster that is too much. One node may tell it with a command of its
own (docs/collectors.md).
"""

import re
from collections.abc import Iterable

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import CollectorUnavailable, Host
from pilothouse_agent.mounts import Mount, one_per_file_system, open_of_init, parse_mounts
from pilothouse_agent.rates import Field, Row, counter

ROOT = "proc/fs/beegfs"
CONNECTIONS = re.compile(r"\b(TCP|RDMA|SDP): (\d+) \(")
STATE = re.compile(r"^\[Target ID: \d+\] @ .*: (\S+) / (\S+)", re.MULTILINE)
CONFIG = re.compile(r"^cfgFile = (.*)$", re.MULTILINE)
KINDS = ("meta", "storage")
STATUS = {
    "numRPCs": counter("beegfs_ops"),
    "numRemoteReads": counter("beegfs_read_req"),
    "numRemoteWrites": counter("beegfs_write_req"),
}


class Client:
    """One mounted file system, ``c22801-6A1925D1-node01``."""

    def __init__(self, host: Host, name: str, all_fields: bool) -> None:
        self._host = host
        self._directory = f"{ROOT}/{name}"
        self._all = all_fields
        self._tags: tuple[str, ...] = ()
        self._names: list[str] = []
        self._row = Row(())

    def tell_as(self, identity: str) -> None:
        """Set the ``stype-id`` of its samples."""
        tags = ("node", "", "filesystem", identity)
        if tags != self._tags:
            self._tags, self._names = tags, []

    def samples(self, now: float) -> list[Sample]:
        """Return its connections, the states of its targets, and what it counts."""
        values: dict[str, float] = {}
        states: list[tuple[str, str]] = []
        rdma = 0
        for kind in KINDS:
            nodes = self._host.read(f"{self._directory}/{kind}_nodes")
            found = [(way, int(number)) for way, number in CONNECTIONS.findall(nodes)]
            values[f"beegfs_{kind}_connections"] = sum(number for _, number in found)
            rdma += sum(number for way, number in found if way == "RDMA")
            states += STATE.findall(self._host.read(f"{self._directory}/{kind}_target_state"))
        values["beegfs_rdma_connections"] = rdma
        values["beegfs_targets"] = len(states)
        if states:  # else they cannot be read
            values["beegfs_targets_offline"] = sum(reach != "Online" for reach, _ in states)
            values["beegfs_targets_bad"] = sum(consistency != "Good" for _, consistency in states)
        samples = [Sample(name, value, *self._tags) for name, value in values.items()]
        return samples + self._status(now)

    def _status(self, now: float) -> list[Sample]:
        """Return what ``.status`` has: ``numDelayedClose: 0``."""
        lines = self._host.read(f"{self._directory}/.status").splitlines()
        told = {name: int(value) for name, _, value in (line.partition(": ") for line in lines)}
        if list(told) != self._names:
            self._names = list(told)
            self._row = Row([self._field(name) for name in told], self._tags)
        return self._row.samples(list(told.values()), now)

    def _field(self, name: str) -> Field | None:
        if name in STATUS or not self._all:
            return STATUS.get(name)
        return Field(f"beegfs_status_{name.removeprefix('num').lower()}")


class BeegfsCollector:
    """Reads a directory per mounted file system."""

    name = "beegfs"

    def __init__(self, host: Host, options: Options) -> None:
        if not host.names(ROOT):
            raise CollectorUnavailable(f"{host.path(ROOT)}: no mounted BeeGFS")
        self._host = host
        self._options = options
        self._table = open_of_init(host, "mountinfo")
        self._seen: tuple[list[str], bytes] = ([], b"")
        self._clients: dict[str, Client] = {}

    def collect(self) -> list[Sample]:
        """Return the samples of each file system, ``stype=filesystem`` by mount point."""
        seen = self._host.names(ROOT), self._table.read()
        if seen != self._seen:
            self._seen = seen
            self._plan(seen[0], parse_mounts(seen[1]))
        now = self._host.clock.monotonic()
        return [sample for client in self._clients.values() for sample in client.samples(now)]

    def close(self) -> None:
        """Close the file."""
        self._table.close()

    def _plan(self, names: Iterable[str], mounts: Iterable[Mount]) -> None:
        """Find each client's mount by the configuration file that both name."""
        points: dict[str, list[str]] = {}
        for mount in one_per_file_system(m for m in mounts if m.type == "beegfs"):
            options = dict(option.partition("=")[::2] for option in mount.options.split(","))
            points.setdefault(options.get("cfgFile", ""), []).append(mount.point)
        clients: dict[str, Client] = {}
        for name in names:
            config = CONFIG.search(self._host.read(f"{ROOT}/{name}/config"))
            shown = points.get(config[1] if config else "", [])
            identity = shown[0] if len(shown) == 1 else name
            if not self._options.exclude_mounts.fullmatch(identity):
                client = self._clients.get(name)
                if client is None:
                    client = Client(self._host, name, self._options.all_fields)
                client.tell_as(identity)
                clients[name] = client
        self._clients = clients
