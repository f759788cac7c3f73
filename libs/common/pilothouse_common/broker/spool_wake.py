"""The FIFO through which writers tell the drainer of a spool that something has come."""

import os
import select
import stat
import time
from contextlib import suppress
from pathlib import Path

from pilothouse_common.broker.spool_format import WAKE

_POLL_SECONDS = 0.5


def ring(directory: Path) -> None:
    """Wake the drainer, if there is one. Never blocks, never fails."""
    with suppress(OSError):
        fd = os.open(directory / WAKE, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if stat.S_ISFIFO(os.fstat(fd).st_mode):
                os.write(fd, b"\n")
        finally:
            os.close(fd)


class Wake:
    """The drainer's end.

    Where the file system has no FIFOs, or something else has that name, wait() is a short sleep.
    """

    def __init__(self, directory: Path) -> None:
        self._fd = -1
        path = directory / WAKE
        with suppress(OSError):
            directory.mkdir(mode=0o770, parents=True, exist_ok=True)
            with suppress(FileExistsError):
                os.mkfifo(path, 0o660)
            # open for both: otherwise a writer that leaves makes every wait return at once
            fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
            if stat.S_ISFIFO(os.fstat(fd).st_mode):
                self._fd = fd
            else:
                os.close(fd)

    def wait(self, timeout_seconds: float) -> None:
        """Return when somebody rang, or the time is over."""
        if self._fd < 0:
            # no FIFO on this file system: look again soon
            time.sleep(min(timeout_seconds, _POLL_SECONDS))
            return
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        if poll.poll(max(0.0, timeout_seconds) * 1000):
            with suppress(BlockingIOError):
                os.read(self._fd, 65536)

    def close(self) -> None:
        """Release the FIFO; it stays for the next drainer."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
