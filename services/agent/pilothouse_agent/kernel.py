"""System calls of the node's kernel that Python has no function for. The fake in tests is as low as this.

Source: the manual pages adjtimex(2), ioctl(2).
"""

import fcntl
import os
from typing import Any

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

    def _call(self, name: str) -> Any:
        if self._libc is None:
            import ctypes

            self._libc = ctypes.CDLL(None, use_errno=True)
        return getattr(self._libc, name)


def _error() -> OSError:
    import ctypes

    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
