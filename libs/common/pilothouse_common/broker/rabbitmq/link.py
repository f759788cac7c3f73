"""One connection to RabbitMQ in a thread of its own, made again with backoff for as long as it is wanted.

Only this thread touches pika's objects; others hand it work with ``call``. So heartbeats go on while a
handler is busy. Rules learnt from dramatiq's RabbitMQ broker: acknowledge through the connection's
thread, close the connection only after what was handed over has run.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

import pika

from pilothouse_common.backoff import Backoff
from pilothouse_common.broker.rabbitmq.failure import explain
from pilothouse_common.broker.rabbitmq.target import Target
from pilothouse_common.broker.rabbitmq.wire import read_any_properties

log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.02


class Use(Protocol):
    """What a connection is for. Called in the connection's thread."""

    def opened(self, connection: pika.SelectConnection) -> None:
        """Set up channels, then call Link.mark_ready()."""

    def lost(self, reason: str, *, was_ready: bool) -> None:
        """The connection, or an attempt to make one, ended."""


class Link:
    """Keeps one connection open from ``start`` to ``close``.

    Args:
        target: Where to.
        use: What for.
        max_backoff_seconds: Longest pause between attempts.
    """

    def __init__(self, target: Target, use: Use, *, max_backoff_seconds: float = 5.0) -> None:
        read_any_properties()
        self.target = target
        self.ready = threading.Event()
        self._use = use
        self._backoff = Backoff(max_seconds=max_backoff_seconds)
        self._lock = threading.Lock()
        self._connection: pika.SelectConnection | None = None
        self._wake = threading.Event()
        self._closing = False
        self._reported = False
        self._reason = ""
        self._failures = 0
        self._problem = ""
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to connect; a second call does nothing."""
        with self._lock:
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._run, name="rabbitmq", daemon=True)
                self._thread.start()

    def nudge(self) -> None:
        """Try again now instead of after the pause."""
        self._wake.set()

    def wait_ready(self, timeout_seconds: float) -> str:
        """Wait for a connection, or for one attempt to fail; return why there is none, or nothing."""
        self.start()
        end = time.monotonic() + timeout_seconds
        before = self._failures
        self.nudge()
        while not self.ready.wait(_LOOK_SECONDS):
            if self._failures > before:
                return self._problem
            if time.monotonic() > end:
                return f"no connection within {timeout_seconds:g} s"
        return ""

    def call(self, work: Callable[[], object]) -> bool:
        """Have ``work`` run in the connection's thread; False when there is no connection."""
        with self._lock:
            if self._connection is None:
                return False
            self._connection.ioloop.add_callback_threadsafe(work)
            return True

    def mark_ready(self) -> None:
        """Tell that the connection can be used (from its thread)."""
        self._backoff.reset()
        self._reported = False
        self.ready.set()
        log.info("broker connected", extra={"broker": self.target.shown})

    def fail(self, reason: str) -> None:
        """Give this connection up and make another (from its thread)."""
        self._reason = self._reason or reason
        self._disconnect()

    def close(self, within: float = 5.0) -> None:
        """End the connection after everything handed over before; idempotent."""
        with self._lock:
            self._closing = True
            thread = self._thread
        self._wake.set()
        self.call(self._disconnect)
        if thread is not None:
            thread.join(within)

    def _disconnect(self) -> None:
        connection = self._connection
        if connection is not None and not (connection.is_closing or connection.is_closed):
            connection.close()

    def _run(self) -> None:
        while not self._closing:
            self._wake.clear()
            self._attempt()
            was_ready = self.ready.is_set()
            self.ready.clear()
            self._use.lost(self._reason, was_ready=was_ready)
            self._problem = self._reason or "the connection ended"
            self._failures += 1
            if not self._closing:
                self._report(was_ready)
                self._wake.wait(self._backoff.next_seconds())

    def _report(self, was_ready: bool) -> None:
        if not self._reported:
            self._reported = True
            event = "broker connection lost" if was_ready else "broker cannot be reached"
            log.warning(event, extra={"broker": self.target.shown, "reason": self._reason})

    def _attempt(self) -> None:
        """Have one connection, from its beginning to its end."""
        self._reason = ""
        connection: pika.SelectConnection | None = None
        try:
            connection = pika.SelectConnection(
                self.target.parameters,
                on_open_callback=self._on_open,
                on_open_error_callback=self._on_end,
                on_close_callback=self._on_end,
            )
            with self._lock:
                self._connection = connection
            if self._closing:
                connection.ioloop.add_callback_threadsafe(self._disconnect)
            connection.ioloop.start()
        except Exception as exc:  # noqa: BLE001 whatever ends pika's loop is a lost connection
            self._reason = self._reason or explain(exc)
        finally:
            with self._lock:
                self._connection = None
            if connection is not None:
                connection.ioloop.close()

    def _on_open(self, connection: pika.SelectConnection) -> None:
        if self._closing:
            connection.close()
        else:
            self._use.opened(connection)

    def _on_end(self, connection: pika.SelectConnection, error: BaseException) -> None:
        self._reason = self._reason or explain(error)
        connection.ioloop.stop()
