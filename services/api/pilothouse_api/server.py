"""uvicorn inside a Service: it serves a socket that listens already, and stops within a deadline."""

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

log = logging.getLogger(__name__)
_HEADER_BYTES = 64 * 1024


class _Server(uvicorn.Server):
    """Leaves signals to the process: the service's ``stop`` says when it is time."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none."""
        yield


def serve(
    app: FastAPI,
    sock: socket.socket,
    stop: threading.Event,
    *,
    stop_seconds: float,
    end_streams: Callable[[], None],
) -> None:
    """Serve until ``stop`` is set; streams are ended first, then open requests get their time."""
    logging.getLogger("uvicorn").setLevel(logging.ERROR)  # anybody can make it warn
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,  # paths may hold login codes; requests are counted instead
        server_header=False,
        lifespan="on",
        h11_max_incomplete_event_size=_HEADER_BYTES,
        timeout_graceful_shutdown=max(1, int(stop_seconds)),
        ws="none",
    )
    server = _Server(config)
    failure: list[BaseException] = []

    def work() -> None:
        try:
            server.run(sockets=[sock])
        except BaseException as exc:  # noqa: BLE001 handed to the thread that asked
            failure.append(exc)

    thread = threading.Thread(target=work, name="http", daemon=True)
    thread.start()
    while thread.is_alive() and not stop.wait(0.2):
        pass
    end_streams()
    server.should_exit = True
    thread.join(stop_seconds + 2)
    if thread.is_alive():
        log.warning("requests were cut off")
        server.force_exit = True
        thread.join(2)
    if failure:
        raise RuntimeError("the HTTP server failed") from failure[0]
