"""Slingshot: the telemetry of each Cassini NIC, its link, and its retry handler.

Source: Slingshot host software, cxi driver (device/telemetry, device/properties, device/link_restarts
in sysfs) and cxi_rh(8), whose counters are a FUSE file system under /run/cxi. A FUSE file system may hang,
so each is asked in a thread of its own. Telemetry files hold ``value@time``, 56 bits wide.
"""

import time
from collections.abc import Iterable
from math import isnan, nan

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options, Partly
from pilothouse_agent.host import CollectorUnavailable, Host, read_number
from pilothouse_agent.patience import Question
from pilothouse_agent.rates import Field, Row, counter, sum_by_name

ROOT = "sys/class/cxi"
RETRY_HANDLER = "run/cxi"
INFINIBAND = "sys/class/infiniband"
BITS = 56
MEGABIT_BYTES = 1e6 / 8
CLASSES = range(8)
RESTARTS = range(10)  # the times of the last ten
SUMMED = ("ic_read_bw", "ic_write_bw", "ic_rcv_packets", "ic_send_packets")
TELEMETRY = {
    "hni_sts_rx_ok_octets": "ic_read_bw",
    "hni_sts_tx_ok_octets": "ic_write_bw",
    "hni_pcs_corrected_cw": "cxi_corrected_codewords",
    "hni_pcs_uncorrected_cw": "cxi_uncorrected_codewords",
    "hni_llr_tx_replay_event": "cxi_link_replays",
}
PACKETS = {"hni_pkts_recv_by_tc": "ic_rcv_packets", "hni_pkts_sent_by_tc": "ic_send_packets"}
PCIE = {"pcie_corr_err": "cxi_pcie_corrected_errors", "pcie_uncorr_err": "cxi_pcie_errors"}
RETRIES = {
    "nacks": "cxi_rh_nacks",
    "spt_timeouts": "cxi_rh_packet_timeouts",
    "connections_cancelled": "cxi_rh_cancelled_connections",
}
PARKED = "parked_nids"
LEVELS = ("_in_use", "_tree_count", "parked_nids", "parked_switches")
NOT_TOLD = ("nid_value",)


class Nic:
    """One NIC: its files, and who asks its retry handler."""

    def __init__(self, host: Host, name: str, all_fields: bool) -> None:
        self._host = host
        self._name = name
        self._all = all_fields
        self._tags = ("node", "", "device", name)
        self._device = host.path(f"{ROOT}/{name}/device")
        fields = {f"telemetry/{file}": counter(m, bits=BITS) for file, m in TELEMETRY.items()}
        fields |= {f"properties/{file}": counter(metric) for file, metric in PCIE.items()}
        if all_fields:
            for file in host.names(f"{ROOT}/{name}/device/telemetry"):
                if not isnan(
                    read_number(f"{self._device}/telemetry/{file}")
                ):  # some are written to
                    fields.setdefault(f"telemetry/{file}", counter(f"cxi_{file}", bits=BITS))
        self._files = [f"{self._device}/{file}" for file in fields]
        self._packet_files = [
            [f"{self._device}/telemetry/{file}_{number}" for number in CLASSES] for file in PACKETS
        ]
        self._restart_files = [f"{self._device}/link_restarts/time_{n}" for n in RESTARTS]
        packets = [counter(metric, bits=BITS) for metric in PACKETS.values()]
        self._row = Row([*fields.values(), *packets, counter("cxi_link_restarts")], self._tags)
        self._restarts: set[float] | None = None
        self._restarted = 0
        self._retries = Row(())
        self._retry_names: list[str] = []
        self.lost = False  # the driver does not even tell the link's state
        self.question = Question(self._ask)

    def samples(self, now: float) -> list[Sample]:
        """Return what the driver tells."""
        values = [read_number(file) for file in self._files]
        values += [sum(map(read_number, files)) for files in self._packet_files]
        values.append(self._count_restarts())
        samples = self._row.samples(values, now)
        link = read_number(f"{self._device}/properties/link")
        self.lost = isnan(link)
        samples.append(Sample("cxi_link_up", int(link == 1), *self._tags))
        speed = read_number(f"{self._device}/properties/speed")  # as ethtool has it; -1: unknown
        samples.append(Sample("cxi_rate", speed * MEGABIT_BYTES if speed > 0 else nan, *self._tags))
        return samples

    def retries(self, until: float, now: float) -> list[Sample]:
        """Return what the retry handler counts; it is down when it does not answer before ``until``."""
        try:
            told = self.question.answer(until)
        except TimeoutError:
            told = {}
        up = Sample("cxi_rh_up", int(bool(told)), *self._tags)
        if not told:
            return [up]
        names = list(told)
        if names != self._retry_names:
            self._retry_names = names
            self._retries = Row([_retry_field(name) for name in names], self._tags)
        return [up, *self._retries.samples(list(told.values()), now)]

    def _ask(self) -> dict[str, float]:
        directory = f"{RETRY_HANDLER}/{self._name}"
        names = self._host.names(directory)
        if not self._all:
            names = [name for name in names if name in RETRIES or name == PARKED]
        values = {name: read_number(self._host.path(f"{directory}/{name}")) for name in names}
        return {name: value for name, value in values.items() if not isnan(value)}

    def _count_restarts(self) -> int:
        times = {at for at in map(read_number, self._restart_files) if at > 0}
        if self._restarts is not None:
            self._restarted += len(times - self._restarts)
        self._restarts = times
        return self._restarted


class SlingshotCollector:
    """Reads every NIC; the node's sum is over all of them."""

    name = "slingshot"

    def __init__(self, host: Host, options: Options) -> None:
        if not host.names(ROOT):
            raise CollectorUnavailable(f"{host.path(ROOT)}: no NIC")
        self._host = host
        self._options = options
        self._nics: dict[str, Nic] = {}

    def collect(self) -> list[Sample]:
        """Return the samples of each NIC, ``stype=device``, and the node's traffic.

        The node's traffic is left out beside InfiniBand ports, whose sum has the same name.

        Raises:
            Partly: A NIC does not tell its link's state.
        """
        seen = self._host.names(ROOT)
        if seen != list(self._nics):
            self._plan(seen)
        now = self._host.clock.monotonic()
        samples: list[Sample] = []
        for nic in self._nics.values():
            samples += nic.samples(now)
        if not self._host.names(INFINIBAND):
            samples += sum_by_name(samples, SUMMED)
        for nic in self._nics.values():
            nic.question.start()
        until = time.monotonic() + self._options.deadline_seconds
        for nic in self._nics.values():
            samples += nic.retries(until, now)
        lost = [name for name, nic in self._nics.items() if nic.lost]
        if lost:
            raise Partly(f"{', '.join(lost)}: no link state", samples)
        return samples

    def close(self) -> None:
        """End the threads that do not hang."""
        self._plan(())

    def _plan(self, seen: Iterable[str]) -> None:
        """Keep the NICs that stay, so that their rates go on."""
        nics: dict[str, Nic] = {}
        for name in seen:
            kept = self._nics.pop(name, None)
            nics[name] = Nic(self._host, name, self._options.all_fields) if kept is None else kept
        for gone in self._nics.values():
            gone.question.close()
        self._nics = nics


def _retry_field(name: str) -> Field | None:
    if name in NOT_TOLD:
        return None
    if name == PARKED:
        return Field("cxi_rh_parked_nids")
    if name.endswith(LEVELS):
        return Field(f"cxi_rh_level_{name}")
    return counter(RETRIES.get(name, f"cxi_rh_{name}"))
