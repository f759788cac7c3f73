"""An HTTP server that keeps what it was sent, for what a real server does not show or cannot do."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Message
    body: bytes


class RecordingServer(ThreadingHTTPServer):
    """Answers a write as told, the given paths with their JSON, all else with an empty InfluxQL answer."""

    def __init__(
        self, *, status: int, answer: bytes, silent: bool, others: Mapping[str, bytes]
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[Request] = []
        self.write_answer = (status, answer)
        self.silent = silent
        self.others = others
        self.released = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: RecordingServer

    def do_GET(self) -> None:
        self._take()

    def do_POST(self) -> None:
        self._take()

    def _take(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.requests.append(Request(self.command, self.path, self.headers, body))
        if self.server.silent:
            self.server.released.wait(30)
        writing = "/write" in self.path
        other = self.server.others.get(self.path.partition("?")[0], b'{"results":[]}')
        status, data = self.server.write_answer if writing else (200, other)
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if status != 204:
            self.wfile.write(data)

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            """The client gave up waiting: that is what `silent` is for."""

    def log_message(self, format: str, *args: object) -> None:
        """Requests are kept, not printed."""


@contextmanager
def recording_server(
    *,
    status: int = 204,
    answer: bytes = b"",
    silent: bool = False,
    others: Mapping[str, bytes] = {},
) -> Iterator[tuple[int, list[Request]]]:
    """Yield the port and the requests as they come."""
    server = RecordingServer(status=status, answer=answer, silent=silent, others=others)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1], server.requests
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
