"""A slurmrestd that answers with what real ones were recorded to answer (white space removed)."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FIXTURES = Path(__file__).parent / "fixtures"
NOT_SERVED = (404, b"Unable find requested URL. Please view /openapi/v3 for API reference.")


def recorded(name: str) -> bytes:
    """Return a recorded body."""
    return (FIXTURES / f"{name}.json").read_bytes()


@dataclass
class Replay:
    """What it serves, by path, and what it was asked."""

    url: str
    answers: dict[str, tuple[int, bytes]]
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)


@contextmanager
def replay(answers: Mapping[str, tuple[int, bytes]]) -> Iterator[Replay]:
    """Serve answers until the block ends; every other path is not found."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            state.asked.append((self.path, dict(self.headers)))
            status, body = state.answers.get(self.path, NOT_SERVED)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state = Replay(f"http://127.0.0.1:{server.server_address[1]}", dict(answers))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
