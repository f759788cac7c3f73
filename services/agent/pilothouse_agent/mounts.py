"""What is mounted on the node. Source: proc_pid_mountinfo(5)."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from pilothouse_agent.host import CollectorUnavailable, Host, KeptFile

_OCTAL = re.compile(rb"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """One mounted file system.

    Attributes:
        point: Where it is mounted.
        device: ``major:minor``, the same for every mount of one file system.
        type: Its type, ``nfs4``.
        source: What is mounted, ``server:/export``.
        options: Of the file system, ``rw,cfgFile=/etc/x``.
    """

    point: str
    device: str
    type: str
    source: str = field(default="", compare=False)
    options: str = field(default="", compare=False)


def open_of_init(host: Host, name: str) -> KeptFile:
    """Open ``/proc/<pid>/<name>``: init's, since the agent may see fewer mounts (systemd's sandboxing).

    Raises:
        CollectorUnavailable: Neither init's nor the agent's own can be read.
    """
    try:
        return host.open(f"proc/1/{name}")
    except CollectorUnavailable:
        return host.open(f"proc/self/{name}")


def plain_path(text: bytes) -> str:
    r"""Return a path of a mount table as it is: ``\040`` there is a space."""
    return os.fsdecode(_OCTAL.sub(lambda m: bytes([int(m[1], 8) & 0xFF]), text))


def parse_mounts(table: bytes) -> list[Mount]:
    """Read mountinfo: ``27 1 254:0 / /srv rw - ext4 /dev/vda rw``; a line that is none is left out."""
    mounts = []
    for line in table.splitlines():
        left, separator, right = line.partition(b" - ")
        words, more = left.split(), right.split()
        if separator and len(words) > 4 and right:
            device = words[2].decode("ascii", "replace")
            kind, source, options = (plain_path(word) for word in (*more, b"", b"", b"")[:3])
            mounts.append(Mount(plain_path(words[4]), device, kind, source, options))
    return mounts


def one_per_file_system(mounts: Iterable[Mount]) -> list[Mount]:
    """Return the mount with the shortest path of each file system; bind mounts show it again.

    Of mounts over each other the last one counts.
    """
    shown = {mount.point: mount for mount in mounts}
    first: dict[str, Mount] = {}
    for mount in sorted(shown.values(), key=lambda m: len(m.point)):
        first.setdefault(mount.device, mount)
    return sorted(first.values(), key=lambda m: m.point)
