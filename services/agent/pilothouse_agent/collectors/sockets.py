"""Sockets in use per protocol. Source: kernel's net/ipv4/proc.c, /proc/net/sockstat."""

import os
from contextlib import suppress

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import CollectorUnavailable, Host
from pilothouse_agent.rates import Field, Row

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
USUAL = frozenset(
    {
        "sockets_used",
        "sockets_tcp_inuse",
        "sockets_tcp_orphan",
        "sockets_tcp_tw",
        "sockets_tcp_alloc",
        "sockets_tcp_mem",
        "sockets_udp_inuse",
        "sockets_udp_mem",
        "sockets_tcp6_inuse",
        "sockets_udp6_inuse",
    }
)


class SocketsCollector:
    """Reads lines ``TCP: inuse 5 orphan 0 tw 1 alloc 7 mem 3``."""

    name = "sockets"

    def __init__(self, host: Host, options: Options) -> None:
        self._files = [host.open(host.network("sockstat"))]
        with suppress(CollectorUnavailable):  # a kernel without IPv6 has nothing more to tell
            self._files.append(host.open(host.network("sockstat6")))
        self._all = options.all_fields
        self._keys: list[bytes] = []
        self._row = Row(())

    def collect(self) -> list[Sample]:
        """Return the counts; memory in bytes."""
        keys: list[bytes] = []
        values: list[int] = []
        for file in self._files:
            for line in file.read().splitlines():
                protocol, *words = line.split()
                keys += [protocol + key for key in words[::2]]
                values += map(int, words[1::2])
        if keys != self._keys:
            self._row = Row([self._field(key) for key in keys])
            self._keys = keys
        return self._row.samples(values, 0.0)

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()

    def _field(self, key: bytes) -> Field | None:
        name = key.decode("ascii", "replace").lower().replace(":", "_")
        metric = name if name == "sockets_used" else f"sockets_{name}"
        if not self._all and metric not in USUAL:
            return None
        return Field(metric, factor=PAGE_BYTES if name.endswith("_mem") else 1)
