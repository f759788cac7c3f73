"""``/healthz`` (the process lives), ``/readyz`` (its parts can be used) and ``/metrics`` of a service."""

import json
import logging
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest

from pilothouse_common.errors import PilothouseError
from pilothouse_common.runtime.service import Check

log = logging.getLogger(__name__)


def readiness(checks: Mapping[str, Check]) -> dict[str, str]:
    """Return ``ok`` or the reason for each part."""
    result: dict[str, str] = {}
    for name, check in checks.items():
        try:
            check()
        except PilothouseError as exc:
            result[name] = str(exc) or type(exc).__name__
        else:
            result[name] = "ok"
    return result


class HealthServer:
    """A small HTTP server in a thread of its own.

    Args:
        host: Address to listen on.
        port: Port; 0 lets the system choose, see ``port``.
        checks: Readiness checks by name.
        registry: The metrics that /metrics shows.
    """

    def __init__(
        self, host: str, port: int, *, checks: Mapping[str, Check], registry: CollectorRegistry
    ) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/healthz":
                    self._answer(200, "application/json", b'{"status":"ok"}')
                elif self.path == "/readyz":
                    parts = readiness(checks)
                    status = 200 if all(v == "ok" for v in parts.values()) else 503
                    self._answer(status, "application/json", json.dumps(parts).encode())
                elif self.path == "/metrics":
                    self._answer(200, CONTENT_TYPE_LATEST, generate_latest(registry))  # type: ignore[no-untyped-call]
                else:
                    self._answer(404, "text/plain", b"try /healthz, /readyz or /metrics\n")

            def _answer(self, status: int, content_type: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Probes are not worth a log line."""

        self._server = ThreadingHTTPServer((host, port), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="health", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)
