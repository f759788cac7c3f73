"""InfiniBand, RoCE, Omni-Path and EFA ports, and their sum.

Source: kernel's Documentation/ABI/stable/sysfs-class-infiniband; InfiniBand specification 16.1.3 (PMA).
Drivers differ in what they count: each metric is read from the first file that has a number.
"""

from dataclasses import dataclass
from math import isnan, nan

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options, Partly
from pilothouse_agent.host import CollectorUnavailable, Host, read_number
from pilothouse_agent.rates import Field, Row, counter, sum_by_name

ROOT = "sys/class/infiniband"
ACTIVE = 4
LINK_UP = 5
WORD_BYTES = 4  # port_rcv_data and port_xmit_data count words of four bytes, on every link layer
RATE_BYTES = 1e9 / 8  # "200 Gb/sec (4X HDR)"
STUCK = (1 << 32) - 1  # counters of 32 bits stop here until somebody resets them
SUMMED = ("ic_read_bw", "ic_write_bw", "ic_rcv_packets", "ic_send_packets")
NOT_COUNTERS = frozenset({"lifespan"})
TRAFFIC: dict[str, tuple[tuple[str, float], ...]] = {
    "ic_read_bw": (
        ("counters_ext/port_rcv_data_64", WORD_BYTES),  # before kernel 4.5
        ("counters/port_rcv_data", WORD_BYTES),
        ("hw_counters/rx_bytes", 1),  # EFA
        ("hw_counters/RxWords", WORD_BYTES),  # Omni-Path
    ),
    "ic_write_bw": (
        ("counters_ext/port_xmit_data_64", WORD_BYTES),
        ("counters/port_xmit_data", WORD_BYTES),
        ("hw_counters/tx_bytes", 1),
        ("hw_counters/TxWords", WORD_BYTES),
    ),
    "ic_rcv_packets": (
        ("counters_ext/port_rcv_packets_64", 1),
        ("counters/port_rcv_packets", 1),
        ("hw_counters/rx_pkts", 1),
        ("hw_counters/RxPkt", 1),
    ),
    "ic_send_packets": (
        ("counters_ext/port_xmit_packets_64", 1),
        ("counters/port_xmit_packets", 1),
        ("hw_counters/tx_pkts", 1),
        ("hw_counters/TxPkt", 1),
    ),
}
USUAL = {
    "counters/symbol_error": "ib_symbol_errors",
    "counters/link_downed": "ib_link_downs",
    "counters/link_error_recovery": "ib_link_recoveries",
    "counters/port_rcv_errors": "ib_receive_errors",
    "counters/port_xmit_discards": "ib_send_discards",
    "counters/port_xmit_wait": "ib_send_wait",
    "hw_counters/out_of_sequence": "ib_out_of_sequence",
    "hw_counters/local_ack_timeout_err": "ib_ack_timeouts",
    "hw_counters/rp_cnp_handled": "ib_congestion_notifications",
}


@dataclass(frozen=True, slots=True)
class Port:
    """One port: its directory, the files that are read, and what they mean."""

    directory: str
    tags: tuple[str, ...]
    files: tuple[str, ...]
    row: Row


class InfinibandCollector:
    """Reads one number per file; the node's sum is over all ports."""

    name = "infiniband"

    def __init__(self, host: Host, options: Options) -> None:
        self._host = host
        self._all = options.all_fields
        self._seen = host.names(ROOT)
        self._ports: dict[str, Port] = {}
        if not self._seen:
            raise CollectorUnavailable(f"{host.path(ROOT)}: no device")
        self._plan()

    def collect(self) -> list[Sample]:
        """Return the samples of each port, ``stype=device``, ``mlx5_0:1``, and the node's traffic.

        Raises:
            Partly: A port does not tell its state.
        """
        seen = self._host.names(ROOT)
        if seen != self._seen:
            self._seen = seen
            self._plan()
        samples: list[Sample] = []
        lost: list[str] = []
        for name, port in self._ports.items():
            state = read_number(f"{port.directory}/state")
            if isnan(state):
                lost.append(name)
            samples += self._samples(port, state)
        samples += sum_by_name(samples, SUMMED)
        if lost:
            raise Partly(f"{', '.join(lost)}: no state", samples)
        return samples

    def close(self) -> None:
        """No descriptor is kept."""

    def _samples(self, port: Port, state: float) -> list[Sample]:
        values = [read_number(file) for file in port.files]
        own = port.row.samples(
            [nan if v == STUCK else v for v in values], self._host.clock.monotonic()
        )
        own.append(Sample("ib_link_up", int(state == ACTIVE), *port.tags))
        physical = read_number(f"{port.directory}/phys_state")
        own.append(Sample("ib_physical_link_up", int(physical == LINK_UP), *port.tags))
        own.append(
            Sample("ib_rate", read_number(f"{port.directory}/rate") * RATE_BYTES, *port.tags)
        )
        return own

    def _plan(self) -> None:
        """Keep the ports that stay, so that their rates go on."""
        ports: dict[str, Port] = {}
        for device in self._seen:
            for number in self._host.names(f"{ROOT}/{device}/ports"):
                name = f"{device}:{number}"
                ports[name] = self._ports.get(name) or self._port(device, number)
        self._ports = ports

    def _port(self, device: str, number: str) -> Port:
        directory = self._host.path(f"{ROOT}/{device}/ports/{number}")
        tags = ("node", "", "device", f"{device}:{number}")
        fields = _traffic(directory)
        taken = set(fields)
        for kind, prefix in (("counters", "ib_"), ("hw_counters", "ib_hw_")):
            for file in self._host.names(f"{ROOT}/{device}/ports/{number}/{kind}"):
                path = f"{directory}/{kind}/{file}"
                usual = USUAL.get(f"{kind}/{file}")
                wanted = usual or (self._all and path not in taken and file not in NOT_COUNTERS)
                if wanted and not isnan(read_number(path)):
                    fields[path] = counter(usual or prefix + file.lower(), bits=32)
        return Port(directory, tags, tuple(fields), Row(list(fields.values()), tags))


def _traffic(directory: str) -> dict[str, Field]:
    """Return the first file with a number for each metric of the traffic."""
    fields: dict[str, Field] = {}
    for metric, sources in TRAFFIC.items():
        for file, factor in sources:
            path = f"{directory}/{file}"
            if not isnan(read_number(path)):
                fields[path] = counter(metric, factor, bits=32)
                break
    return fields
