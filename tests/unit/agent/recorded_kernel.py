"""System calls answered from the recorded tree, with the bytes that a real kernel gave."""

import ctypes
import errno
import os
import struct
from pathlib import Path

from pilothouse_agent.bmc.device import ANSWER, ANSWER_BYTES, RECEIVE, REQUEST, SEND
from pilothouse_agent.counters.groups import ATTRIBUTES
from pilothouse_agent.kernel import Kernel

Counters = dict[tuple[int, int, int], tuple[int, int, int]]
WORD = (1 << 64) - 1
INVALID_COMMAND = b"\xc1"


class RecordedKernel(Kernel):
    """A node's kernel; a call that was not recorded does not exist there.

    Args:
        root: Of the tree: ``kernel/adjtimex`` holds the state and the structure in hexadecimal;
            ``kernel/ipmi`` lines ``REQUEST ANSWER``: function, command and data; code and data.
            ``kernel/perf`` has lines ``CPU TYPE CONFIG VALUE ENABLED RUNNING`` (nanoseconds).

    Attributes:
        denied: perf_event_open answers that one may not.
        limit: Of descriptors.
        opened: Counters, by descriptor.
    """

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root
        self._sent: list[tuple[int, bytes]] = []
        self._kept: Counters = {}
        self._counters_changed = 0
        self.denied = False
        self.limit = 1024
        self.opened: dict[int, list[tuple[int, int, int]]] = {}

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

    def perf_event_open(self, attributes: bytes, cpu: int, leader: int) -> int:
        """Open what was recorded; the descriptor is a real one."""
        if self.denied:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        kind, _, config, *_ = ATTRIBUTES.unpack(attributes)
        if (cpu, kind, config) not in self._counters():
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        descriptor = os.open(os.devnull, os.O_RDONLY)
        self.opened[descriptor if leader < 0 else leader] = [
            *(self.opened.get(leader, []) if leader >= 0 else []),
            (cpu, kind, config),
        ]
        return descriptor

    def read(self, fd: int, size: int) -> bytes:
        """Return number of values, times and values of a group; nothing for a thread that is offline."""
        counters = self._counters()
        found = [counters[key] for key in self.opened[fd] if key in counters]
        if len(found) < len(self.opened[fd]):
            return b""
        _, enabled, running = found[0]
        words = (len(found), enabled, running, *(value for value, _, _ in found))
        return struct.pack(f"={len(words)}Q", *words)[:size]

    def descriptor_limit(self) -> int:
        """Return the limit that the test chose."""
        return self.limit

    def _counters(self) -> Counters:
        """Read the recording again only when it was changed, so that what is measured is the reader."""
        path = self._root / "kernel/perf"
        changed = path.stat().st_mtime_ns if path.exists() else 0
        if changed != self._counters_changed:
            self._counters_changed = changed
            self._kept = parse_counters(path.read_text(errors="replace"))
        return self._kept if changed else {}

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


def parse_counters(text: str) -> Counters:
    """Return value, time enabled and time running by thread, type and configuration."""
    counters: Counters = {}
    for line in text.splitlines():
        try:
            cpu, kind, config, value, enabled, running = (int(w, 0) for w in line.split())
        except ValueError:  # a damaged recording
            continue
        counters[cpu, kind, config] = (value & WORD, enabled & WORD, running & WORD)
    return counters
