"""What the network protocols count. Source: kernel's snmp_counter.rst; RFC 1213 and 4022."""

from contextlib import suppress

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import CollectorUnavailable, Host, KeptFile
from pilothouse_agent.rates import Field, Row, counter

USUAL = {
    b"Tcp:CurrEstab": Field("tcp_established"),
    b"Tcp:ActiveOpens": counter("tcp_active_opens"),
    b"Tcp:PassiveOpens": counter("tcp_passive_opens"),
    b"Tcp:RetransSegs": counter("tcp_retransmits"),
    b"Tcp:InErrs": counter("tcp_in_errors"),
    b"TcpExt:ListenDrops": counter("tcp_listen_drops"),
    b"TcpExt:TCPTimeouts": counter("tcp_timeouts"),
    b"Udp:InErrors": counter("udp_in_errors"),
    b"Udp:RcvbufErrors": counter("udp_receive_buffer_errors"),
}
GAUGES = frozenset(
    {b"Ip:Forwarding", b"Ip:DefaultTTL", b"Tcp:RtoAlgorithm", b"Tcp:RtoMin", b"Tcp:RtoMax", b"Tcp:MaxConn"}
)  # fmt: skip


class NetstatCollector:
    """Reads pairs of lines ``Tcp: InSegs OutSegs`` / ``Tcp: 10 20``, and IPv6's ``Ip6InReceives 7``."""

    name = "netstat"

    def __init__(self, host: Host, options: Options) -> None:
        self._clock = host.clock
        self._all = options.all_fields
        self._pairs = [host.open(host.network("snmp"))]
        self._lists: list[KeptFile] = []
        _add(self._pairs, host, host.network("netstat"))
        if self._all:
            _add(self._lists, host, host.network("snmp6"))
        self._headers: list[bytes] = []
        self._row = Row(())

    def collect(self) -> list[Sample]:
        """Return rates, and the few that are gauges."""
        headers: list[bytes] = []
        values: list[int] = []
        for file in self._pairs:
            lines = file.read().splitlines()
            headers += lines[::2]
            for line in lines[1::2]:
                values += map(int, line.split()[1:])
        for file in self._lists:
            words = file.read().split()
            headers += words[::2]
            values += map(int, words[1::2])
        if headers != self._headers:
            self._row = Row([self._field(key) for header in headers for key in _keys(header)])
            self._headers = headers
        return self._row.samples(values, self._clock.monotonic())

    def close(self) -> None:
        """Close the files."""
        for file in self._pairs + self._lists:
            file.close()

    def _field(self, key: bytes) -> Field | None:
        if key in USUAL or not self._all:
            return USUAL.get(key)
        name = key.decode("ascii", "replace").lower().replace(":", "_")
        return Field(f"netstat_{name}", rate=key not in GAUGES)


def _keys(header: bytes) -> list[bytes]:
    protocol, *names = header.split()
    return [protocol + name for name in names] or [protocol]


def _add(files: list[KeptFile], host: Host, path: str) -> None:
    with suppress(CollectorUnavailable):  # a kernel without these counters has nothing more to tell
        files.append(host.open(path))
