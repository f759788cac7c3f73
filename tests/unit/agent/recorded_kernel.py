"""System calls answered from the recorded tree, with the bytes that a real kernel gave."""

import ctypes
import errno
import os
from pathlib import Path

from pilothouse_agent.bmc.device import ANSWER, ANSWER_BYTES, RECEIVE, REQUEST, SEND
from pilothouse_agent.kernel import Kernel

INVALID_COMMAND = b"\xc1"


class RecordedKernel(Kernel):
    """A node's kernel; a call that was not recorded does not exist there.

    Args:
        root: Of the tree: ``kernel/adjtimex`` holds the state and the structure in hexadecimal;
            ``kernel/ipmi`` lines ``REQUEST ANSWER``: function, command and data; code and data.
    """

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root
        self._sent: list[tuple[int, bytes]] = []

    def adjtimex(self) -> tuple[int, bytes]:
        """Return what was recorded."""
        path = self._root / "kernel/adjtimex"
        if not path.exists():
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        state, structure = path.read_text().split()
        return int(state), bytes.fromhex(structure)

    def ioctl(self, fd: int, request: int, argument: bytearray) -> None:
        """Be the IPMI driver: read the request from, and write the answer to, the caller's memory."""
        if request == SEND:
            _, _, number, function, command, size, data = REQUEST.unpack(argument)
            asked = bytes([function, command]) + ctypes.string_at(data, size)
            self._sent.append((number, asked))
        elif request == RECEIVE:
            number, asked = self._sent.pop(0)
            answer = self._recorded().get(asked, INVALID_COMMAND)
            fields = list(ANSWER.unpack(argument))
            ctypes.memmove(fields[7], answer, len(answer))
            fields[3], fields[6] = number, len(answer)
            argument[:] = ANSWER.pack(*fields)
        else:
            raise OSError(errno.ENOTTY, os.strerror(errno.ENOTTY))

    def _recorded(self) -> dict[bytes, bytes]:
        text = (self._root / "kernel/ipmi").read_text(errors="replace")
        answers = {}
        for line in text.splitlines():
            try:
                asked, answer = map(bytes.fromhex, line.split())
            except ValueError:  # a damaged recording
                continue
            answers[asked] = answer[:ANSWER_BYTES]
        return answers
