"""System calls answered from the recorded tree, with the bytes that a real kernel gave."""

import errno
import os
from pathlib import Path

from pilothouse_agent.kernel import Kernel


class RecordedKernel(Kernel):
    """A node's kernel; a call that was not recorded does not exist there.

    Args:
        root: Of the tree: ``kernel/adjtimex`` holds the state and the structure in hexadecimal.
    """

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root

    def adjtimex(self) -> tuple[int, bytes]:
        """Return what was recorded."""
        path = self._root / "kernel/adjtimex"
        if not path.exists():
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        state, structure = path.read_text().split()
        return int(state), bytes.fromhex(structure)
