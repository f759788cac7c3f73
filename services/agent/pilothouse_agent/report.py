"""What this node is, told as ``node.reported``: at the start, when it changes, and every hour."""

import os
from collections.abc import Callable
from datetime import UTC, datetime

from pilothouse_common.contract.events import NodeReported, event_message, new_event
from pilothouse_common.contract.message import Message

from pilothouse_agent.gpus.inventory import read_models
from pilothouse_agent.host import Host
from pilothouse_agent.topology import read_topology

REPEAT_SECONDS = 3600.0
LOOK_SECONDS = 60.0


class Reporter:
    """Decides when to tell it again.

    Args:
        host: The node.
        cluster: Its cluster.
        hostname: Its name.
        interval_seconds: Between sample messages.
        collectors: Tells the names of the collectors at work.
        version: Of the agent.
    """

    def __init__(
        self,
        host: Host,
        *,
        cluster: str,
        hostname: str,
        interval_seconds: float,
        collectors: Callable[[], list[str]],
        version: str,
    ) -> None:
        self._host = host
        self._cluster = cluster
        self._hostname = hostname
        self._interval = interval_seconds
        self._collectors = collectors
        self._version = version
        self._told: NodeReported | None = None
        self._told_at = self._looked_at = float("-inf")

    def due(self) -> Message | None:
        """Return the event to publish now, or None."""
        now = self._host.clock.monotonic()
        if now - self._looked_at < LOOK_SECONDS:
            return None
        self._looked_at = now
        node = self.read()
        if node == self._told and now - self._told_at < REPEAT_SECONDS:
            return None
        self._told, self._told_at = node, now
        return event_message(
            new_event(node, source=f"agent/{self._hostname}", time=self._host.clock.now())
        )

    def read(self) -> NodeReported:
        """Read what the node is; what cannot be told is left out."""
        host = self._host
        topology = read_topology(host)
        gpus = read_models(host)
        return NodeReported(
            cluster=self._cluster,
            hostname=self._hostname,
            boot_time=_boot_time(host),
            interval_seconds=self._interval,
            agent_version=self._version,
            kernel=host.read("proc/sys/kernel/osrelease")[:4096] or None,
            os=_os_name(host),
            architecture=host.read("proc/sys/kernel/arch")[:4096] or os.uname().machine,
            cpu_model=_after_colon(host, "proc/cpuinfo", "model name"),
            sockets=topology.socket_count or None,
            cores=topology.core_count or None,
            hwthreads=len(topology.sockets) or None,
            memory_bytes=_memory_bytes(host),
            gpus=len(gpus) or None,
            gpu_models=sorted(filter(None, set(gpus))) or None,
            collectors=self._collectors(),
        )


def _boot_time(host: Host) -> datetime | None:
    for line in host.read("proc/stat").splitlines():
        if line.startswith("btime "):
            try:
                return datetime.fromtimestamp(int(line[6:]), UTC)
            except (ValueError, OverflowError, OSError):
                return None
    return None


def _os_name(host: Host) -> str | None:
    for line in host.read("etc/os-release").splitlines():
        key, _, value = line.partition("=")
        if key == "PRETTY_NAME":
            return value.strip("\"'")[:4096] or None
    return None


def _after_colon(host: Host, path: str, key: str) -> str | None:
    for line in host.read(path).splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()[:4096] or None
    return None


def _memory_bytes(host: Host) -> int | None:
    value = _after_colon(host, "proc/meminfo", "MemTotal") or ""
    number = value.removesuffix("kB").strip()
    return int(number) * 1024 if number.isdecimal() and len(number) < 13 else None
