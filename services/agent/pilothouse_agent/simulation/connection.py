"""One connection: bounded buffers, and a bound on how much it may say per second."""

import socket

from pilothouse_agent.simulation.protocol import MAX_LINE_BYTES
from pilothouse_agent.simulation.run import SimulationRun

BYTES_PER_SECOND = 64 << 10
MAX_OUTPUT_BYTES = 64 << 10
_CHUNK_BYTES = 16 << 10


class Unfit(Exception):
    """The other side breaks the protocol; the message goes to it before the connection ends."""


class Connection:
    """A connected program, before and after its HELLO.

    Args:
        peer: Its socket, not blocking.
        uid: Its user.
        now: Monotonic seconds.

    Attributes:
        run: What it is, after HELLO.
        since: When it connected, monotonic seconds.
        said: Bytes that it sent in the present second.
    """

    def __init__(self, peer: socket.socket, uid: int, now: float) -> None:
        self.socket = peer
        self.uid = uid
        self.since = now
        self.said = 0
        self.run: SimulationRun | None = None
        self._input = b""
        self._output = bytearray()

    @property
    def talks_too_much(self) -> bool:
        """Whether it has to wait for the next second."""
        return self.said >= BYTES_PER_SECOND

    @property
    def wants_to_send(self) -> bool:
        """Whether something waits to be sent."""
        return bool(self._output)

    def receive(self) -> list[bytes] | None:
        """Return whole lines without newlines; None: it closed, or the connection broke.

        Raises:
            Unfit: A line that is too long.
        """
        try:
            data = self.socket.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not data:
            return None
        self.said += len(data)
        *lines, self._input = (self._input + data).split(b"\n")
        if max(map(len, (*lines, self._input))) >= MAX_LINE_BYTES:
            raise Unfit(f"a line has more than {MAX_LINE_BYTES} bytes")
        return lines

    def send(self, line: bytes) -> bool:
        """Send, or keep what does not fit now; tell whether that was possible. Never blocks."""
        if len(self._output) + len(line) > MAX_OUTPUT_BYTES:
            return False
        self._output += line
        return self.flush()

    def flush(self) -> bool:
        """Send what waits, as far as it goes; tell whether the connection is whole."""
        try:
            while self._output:
                sent = self.socket.send(self._output)
                del self._output[:sent]
        except BlockingIOError:
            return True
        except OSError:
            return False
        return True
