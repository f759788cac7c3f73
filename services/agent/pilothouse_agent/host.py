"""The node as files: every read of /proc and /sys goes through here, below a root that tests choose."""

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from math import isnan, nan
from pathlib import Path

from pilothouse_common.runtime.clock import Clock, SystemClock

from pilothouse_agent.jobs.current import Jobs
from pilothouse_agent.kernel import Kernel
from pilothouse_agent.power import PowerBoard

CHUNK_BYTES = 16 << 10  # larger buffers cost more to allocate than the second read that they save
LIMIT_BYTES = 16 << 20
NUMBER_BYTES = 64
_NUMBER = re.compile(rb"\s*(-?\d+(?:\.\d+)?)")
STATE_DIR = "/run/pilothouse"


class CollectorUnavailable(Exception):
    """What a collector reads does not exist here; the message says what."""


class KeptFile:
    """A file that is read again and again from its beginning through one kept descriptor.

    Kernel files are made anew by every read at offset 0. A descriptor that fails (the device went
    away) is closed and opened again by the next read.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd = -1

    def read(self) -> bytes:
        """Return the whole content.

        Raises:
            OSError: It cannot be opened or read now.
            ValueError: It is larger than any file of this kind.
        """
        if self._fd < 0:
            self._fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            data = chunk = os.pread(self._fd, CHUNK_BYTES, 0)
            while chunk:  # sequence files give about a page per read, however large the buffer is
                chunk = os.pread(self._fd, CHUNK_BYTES, len(data))
                data += chunk
                if len(data) > LIMIT_BYTES:
                    raise ValueError(f"{self.path}: larger than {LIMIT_BYTES} bytes")
        except OSError:
            self.close()
            raise
        return data

    def close(self) -> None:
        """Close the descriptor."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def read_number(path: str) -> float:
    """Return the number that a file begins with; NaN when it has none or cannot be read.

    It is opened each time: a kept descriptor of a FUSE file shows what was cached at its opening.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return nan
    try:
        data = os.read(fd, NUMBER_BYTES)
    except OSError:
        return nan
    finally:
        os.close(fd)
    if data.strip().isdigit():  # nearly all of them
        return int(data)
    found = _NUMBER.match(data)
    if found is None:
        return nan
    return float(found[1]) if b"." in found[1] else int(found[1])


@dataclass(frozen=True)
class Host:
    """One node.

    Attributes:
        root: Where its ``/`` is seen: ``/``, a mount in a container, or a recorded tree.
        clock: Wall and monotonic clock.
        statvfs: Asks a mounted file system for its fill; tests inject known answers.
        cpu_seconds: CPU time that this process has used.
        node_name: Its name in Slurm.
        state_dir: Where Slurm's prolog leaves notes about jobs, below ``/``.
        kernel: System calls; tests answer them from the recorded tree.
    """

    root: Path = Path("/")
    clock: Clock = field(default_factory=SystemClock)
    statvfs: Callable[[str], os.statvfs_result] = os.statvfs
    cpu_seconds: Callable[[], float] = time.process_time
    node_name: str = ""
    state_dir: str = STATE_DIR
    kernel: Kernel = field(default_factory=Kernel)

    @cached_property
    def jobs(self) -> Jobs:
        """The jobs that run here; all collectors ask the same object."""
        return Jobs(self, state_dir=self.state_dir, node_name=self.node_name)

    @cached_property
    def power(self) -> PowerBoard:
        """What collectors know of the node's energy."""
        return PowerBoard()

    def path(self, relative: str) -> str:
        """Return the real path of ``proc/stat`` and the like."""
        return os.path.join(self.root, relative.lstrip("/"))

    def network(self, name: str) -> str:
        """Return where ``/proc/net/<name>`` of the node is: init's, when its ``/`` is seen from elsewhere."""
        inits = f"proc/1/net/{name}"
        if self.root != Path("/") and os.path.exists(self.path(inits)):
            return inits
        return f"proc/net/{name}"

    def open(self, relative: str) -> KeptFile:
        """Return a file to keep, read once to see that it can be.

        Raises:
            CollectorUnavailable: It does not exist or may not be read.
        """
        file = KeptFile(self.path(relative))
        try:
            file.read()
        except OSError as exc:
            raise CollectorUnavailable(f"{file.path}: {exc.strerror}") from exc
        return file

    def read(self, relative: str) -> str:
        """Return a small file's text without surrounding space, or "" when there is none."""
        try:
            with open(self.path(relative), "rb", buffering=0) as file:
                # in chunks: for a large buffer the kernel refuses to read /proc/sys at all (ENOMEM)
                chunks = iter(lambda: file.read(CHUNK_BYTES), b"")
                data = b"".join(islice(chunks, LIMIT_BYTES // CHUNK_BYTES))
                return data.decode(errors="replace").strip()
        except OSError:
            return ""

    def number(self, relative: str) -> int | None:
        """Return the whole number that a small file begins with; None where there is none to be read."""
        value = read_number(self.path(relative))
        return None if isnan(value) else int(value)

    def names(self, relative: str) -> list[str]:
        """Return the names in a directory, sorted; none when it does not exist."""
        try:
            return sorted(os.listdir(self.path(relative)))
        except OSError:
            return []
