"""The connection to the agent: never blocks, comes back by itself, forgets what cannot be sent."""

import socket
import time
from collections.abc import Callable

from pilothouse.words import MAX_LINE_BYTES

MAX_OUTPUT_BYTES = 64 << 10
FIRST_WAIT_SECONDS = 1.0
MAX_WAIT_SECONDS = 30.0


class Link:
    """One socket, or none for now.

    Args:
        find: Returns the socket's path, "" for none.

    Attributes:
        refused: Why the agent does not want this program; it is not asked again.
    """

    def __init__(self, find: Callable[[], str]) -> None:
        self._find = find
        self._socket: socket.socket | None = None
        self._input = b""
        self._output = bytearray()
        self._wait = FIRST_WAIT_SECONDS
        self._again = 0.0
        self.refused = ""

    @property
    def open(self) -> bool:
        """Whether there is a connection."""
        return self._socket is not None

    def connect(self) -> bool:
        """Try, when it is time to; tell whether there is a new connection."""
        now = time.monotonic()
        if self._socket is not None or self.refused or now < self._again:
            return False
        self._again, self._wait = now + self._wait, min(2 * self._wait, MAX_WAIT_SECONDS)
        path = self._find()
        if not path:
            return False
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.setblocking(False)
        try:
            made.connect(path)
        except OSError:  # nobody there, or too busy: later
            made.close()
            return False
        self._socket = made
        return True

    def lines(self) -> list[str]:
        """Return the whole lines that came."""
        if self._socket is None:
            return []
        try:
            data = self._socket.recv(16 << 10)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            self.lose()
            return []
        self._wait = FIRST_WAIT_SECONDS
        *lines, self._input = (self._input + data).split(b"\n")
        if len(self._input) > MAX_LINE_BYTES:
            self.lose()
            return []
        return [line.decode("utf-8", "replace") for line in lines]

    def send(self, line: str, *, must: bool = True) -> None:
        """Send a line, or forget it when too much waits; one that must go ends the connection then."""
        if self._socket is None:
            return
        data = line.encode() + b"\n"
        if len(self._output) + len(data) > MAX_OUTPUT_BYTES:
            if must:
                self.lose()
            return
        self._output += data

    def flush(self) -> None:
        """Send what waits, as far as it goes."""
        while self._output and self._socket is not None:
            try:
                sent = self._socket.send(self._output)
            except BlockingIOError:
                return
            except OSError:
                self.lose()
                return
            del self._output[:sent]

    def lose(self) -> None:
        """Let go of the connection; connect() makes a new one later."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._input = b""
        self._output.clear()
