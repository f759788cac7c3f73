"""What the kernel says of one process. Sources: proc_pid_stat(5), proc_pid_io(5), proc_pid_status(5).

Never smaps: it walks the page tables and costs 20 to 100 times as much.
"""

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pilothouse_agent.host import Host

READ_BYTES = 16 << 10
TICKS_PER_SECOND = 100  # USER_HZ, on every Linux
MAJOR_FAULTS, USER_TICKS, SYSTEM_TICKS, THREADS, START_TICKS, RSS_PAGES = 9, 11, 12, 17, 19, 21
"""Columns of stat after the name."""
_SWITCHES = re.compile(rb"^(?:non)?voluntary_ctxt_switches:\s*(\d+)$", re.MULTILINE)
_IO = (b"rchar", b"wchar", b"read_bytes", b"write_bytes")


@dataclass(frozen=True, slots=True)
class Process:
    """One process at one moment.

    Attributes:
        pid: Its number.
        name: Of the program, as it calls itself: up to 15 bytes that a user chooses.
        started: Since the machine started, seconds: tells a process from another of the same number.
        threads: That it has.
        rss_pages: Resident memory; memory shared with others counts in each.
        user_seconds: CPU time of all its threads in user mode.
        system_seconds: The same in the kernel.
        major_faults: That had to wait for I/O.
        io: Bytes read and written by system calls, and read from and written to storage; None when
            only its user or root may know.
        context_switches: Of its first thread.
    """

    pid: int
    name: str
    started: float
    threads: int
    rss_pages: int
    user_seconds: float
    system_seconds: float
    major_faults: int
    io: tuple[int, ...] | None
    context_switches: int


def read_process(host: "Host", pid: int) -> Process | None:
    """Return what is known of a process, or None when it is gone.

    Raises:
        ValueError: The kernel writes something else than the manual says.
    """
    stat = _read(host, pid, "stat")
    status = _read(host, pid, "status")
    if stat is None or status is None:
        return None
    name, _, rest = stat.partition(b"(")[2].rpartition(b")")
    columns = rest.split()
    if len(columns) <= RSS_PAGES:
        raise ValueError(f"/proc/{pid}/stat: {len(columns)} columns after the name")
    return Process(
        pid=pid,
        name=name.decode("utf-8", "replace"),
        started=int(columns[START_TICKS]) / TICKS_PER_SECOND,
        threads=int(columns[THREADS]),
        rss_pages=int(columns[RSS_PAGES]),
        user_seconds=int(columns[USER_TICKS]) / TICKS_PER_SECOND,
        system_seconds=int(columns[SYSTEM_TICKS]) / TICKS_PER_SECOND,
        major_faults=int(columns[MAJOR_FAULTS]),
        io=_read_io(host, pid),
        context_switches=sum(map(int, _SWITCHES.findall(status))),
    )


def _read_io(host: "Host", pid: int) -> tuple[int, ...] | None:
    data = _read(host, pid, "io")
    if not data:
        return None
    words = data.replace(b":", b" ").split()
    values = dict(zip(words[::2], words[1::2], strict=True))
    return tuple(int(values[key]) for key in _IO)


def _read(host: "Host", pid: int, name: str) -> bytes | None:
    """Return one file; None when the process is gone or it may not be read."""
    try:
        file = os.open(host.path(f"proc/{pid}/{name}"), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(file, READ_BYTES)
    except OSError:
        return None
    finally:
        os.close(file)
