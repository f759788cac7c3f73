"""Links of network interfaces: up or down, speed, flaps, and members of bonds.

Source: kernel's Documentation/ABI/testing/sysfs-class-net and networking/bonding.rst. The carrier of an
interface that is switched off cannot be read: it is down.
"""

from math import nan

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import CollectorUnavailable, Host, read_number
from pilothouse_agent.rates import Row, counter

ROOT = "sys/class/net"
MEGABIT_BYTES = 1e6 / 8


class LinksCollector:
    """Reads interfaces that are hardware or bonds."""

    name = "links"

    def __init__(self, host: Host, options: Options) -> None:
        self._host = host
        self._exclude = options.exclude_interfaces
        self._rows: dict[str, Row] = {}
        if not host.names(ROOT):
            raise CollectorUnavailable(f"{host.path(ROOT)}: no interface")

    def collect(self) -> list[Sample]:
        """Return the samples of each interface, ``stype=network``."""
        samples: list[Sample] = []
        rows: dict[str, Row] = {}
        for name in self._host.names(ROOT):
            if not self._exclude.fullmatch(name):
                bond = self._host.names(f"{ROOT}/{name}/bonding")
                if bond or self._host.names(f"{ROOT}/{name}/device"):
                    tags = ("node", "", "network", name)
                    rows[name] = self._rows.get(name) or Row([counter("eth_link_changes")], tags)
                    samples += self._link(name, tags, rows[name])
                    samples += self._members(name, tags) if bond else []
        self._rows = rows
        return samples

    def close(self) -> None:
        """No descriptor is kept."""

    def _link(self, name: str, tags: tuple[str, ...], row: Row) -> list[Sample]:
        directory = self._host.path(f"{ROOT}/{name}")
        speed = read_number(f"{directory}/speed")  # -1, or an error: unknown
        changes = read_number(f"{directory}/carrier_changes")
        return [
            Sample("eth_link_up", int(read_number(f"{directory}/carrier") == 1), *tags),
            Sample("eth_speed", speed * MEGABIT_BYTES if speed > 0 else nan, *tags),
            *row.samples([changes], self._host.clock.monotonic()),
        ]

    def _members(self, name: str, tags: tuple[str, ...]) -> list[Sample]:
        members = self._host.read(f"{ROOT}/{name}/bonding/slaves").split()
        states = [self._host.read(f"{ROOT}/{m}/bonding_slave/mii_status") for m in members]
        return [
            Sample("bond_members", len(members), *tags),
            Sample("bond_members_up", states.count("up"), *tags),
        ]
