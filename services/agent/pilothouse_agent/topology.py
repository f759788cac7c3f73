"""Which hardware thread is in which socket and core. Source: kernel's cputopology.rst."""

from dataclasses import dataclass

from pilothouse_agent.host import Host

CPUS = "sys/devices/system/cpu"


@dataclass(frozen=True, slots=True)
class Topology:
    """Socket and core of each hardware thread that is online; empty where the kernel tells nothing."""

    sockets: dict[int, int]
    cores: dict[int, tuple[int, int]]

    @property
    def socket_count(self) -> int:
        """Return the number of sockets with a thread online."""
        return len(set(self.sockets.values()))

    @property
    def core_count(self) -> int:
        """Return the number of cores with a thread online."""
        return len(set(self.cores.values()))


def read_topology(host: Host) -> Topology:
    """Read it from /sys; an unreadable or odd entry leaves that thread out."""
    sockets: dict[int, int] = {}
    cores: dict[int, tuple[int, int]] = {}
    for name in host.names(CPUS):
        if not (name.startswith("cpu") and name[3:].isdecimal()):
            continue
        package = host.number(f"{CPUS}/{name}/topology/physical_package_id")
        core = host.number(f"{CPUS}/{name}/topology/core_id")
        if package is not None:
            package = max(package, 0)  # some virtual machines and ARM boards say -1: one socket
            sockets[int(name[3:])] = package
            cores[int(name[3:])] = (package, int(name[3:]) if core is None else core)
    return Topology(sockets, cores)
