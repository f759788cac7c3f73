"""System calls of the node's kernel that Python has no function for. The fake in tests is as low as this.

Source: the manual pages adjtimex(2), ioctl(2), perf_event_open(2).
"""

import errno
import fcntl
import os
import resource
from typing import Any

PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241, "riscv64": 241, "ppc64le": 319}
PERF_FLAG_FD_CLOEXEC = 8
TIMEX_BYTES = 256  # struct timex is 208 on 64-bit machines


class Kernel:
    """Calls libc, which is loaded by the first call: an agent without such collectors saves the memory."""

    def __init__(self) -> None:
        self._libc: Any = None

    def adjtimex(self) -> tuple[int, bytes]:
        """Return the clock's state and its ``struct timex``; nothing is changed.

        Raises:
            OSError: The kernel (or a container's filter) refuses.
        """
        import ctypes

        buffer = ctypes.create_string_buffer(TIMEX_BYTES)  # modes = 0: only read
        state: int = self._call("adjtimex")(buffer)
        if state < 0:
            raise _error()
        return state, buffer.raw

    def ioctl(self, fd: int, request: int, argument: bytearray) -> None:
        """Ask a driver; it changes ``argument``.

        Raises:
            OSError: The driver refuses.
        """
        fcntl.ioctl(fd, request, argument)

    def perf_event_open(self, attributes: bytes, cpu: int, leader: int) -> int:
        """Return the descriptor of a counter of all that runs on a hardware thread.

        Args:
            attributes: ``struct perf_event_attr``.
            cpu: The hardware thread.
            leader: Descriptor of the group that it joins; -1: it is the first.

        Raises:
            OSError: ENOENT: there is no such event here; EACCES, EPERM: one may not.
        """
        number = PERF_EVENT_OPEN.get(os.uname().machine)
        if number is None:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        fd: int = self._call("syscall")(number, attributes, -1, cpu, leader, PERF_FLAG_FD_CLOEXEC)
        if fd < 0:
            raise _error()
        return fd

    def read(self, fd: int, size: int) -> bytes:
        """Return what a counter says now."""
        return os.read(fd, size)

    def descriptor_limit(self) -> int:
        """Return how many descriptors this process may have."""
        return resource.getrlimit(resource.RLIMIT_NOFILE)[0]

    def _call(self, name: str) -> Any:
        if self._libc is None:
            import ctypes

            self._libc = ctypes.CDLL(None, use_errno=True)
        return getattr(self._libc, name)


def _error() -> OSError:
    import ctypes

    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
