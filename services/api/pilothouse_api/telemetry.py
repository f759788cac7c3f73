"""The gateway's own metrics: requests by route template (never by path: ids would be labels)."""

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
UNMATCHED = "unmatched"


class Telemetry:
    """Instruments in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "pilothouse_api_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "pilothouse_api_request_seconds",
            "Time from the request to the start of its answer.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.streams = Gauge(
            "pilothouse_api_live_streams", "Open /v1/live streams.", registry=self.registry
        )


class TelemetryMiddleware:
    """Counts and times every request; the time ends with the headers, so that streams count too."""

    def __init__(
        self, app: ASGIApp, telemetry: Telemetry, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._telemetry = telemetry
        self._monotonic = monotonic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = self._monotonic()
        begun = False

        async def watch(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start" and not begun:
                begun = True
                self._count(scope, message["status"], self._monotonic() - start)
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            if not begun:
                self._count(scope, 500, self._monotonic() - start)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None) or UNMATCHED
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        self._telemetry.requests.labels(method, route, str(status)).inc()
        self._telemetry.seconds.labels(method, route).observe(seconds)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
