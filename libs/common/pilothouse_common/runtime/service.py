"""The life of a process: start, run until told to stop, stop within a deadline, exit code.

Exit codes: 0 stopped as asked, 1 the service failed, 2 a setting is wrong.
"""

import atexit
import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

from pilothouse_common.errors import ConfigError

log = logging.getLogger(__name__)
Check = Callable[[], None]
_SAME_SIGNAL_SECONDS = 1.0


class Service(Protocol):
    """One of the services: built by its composition root, run here or in the standalone process."""

    name: str

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set, then finish what is begun and return. Raise to fail."""

    def checks(self) -> Mapping[str, Check]:
        """Return readiness checks by name; a check raises when its part cannot be used."""

    def close(self) -> None:
        """Release everything. Called once, after run()."""


def run(service: Service) -> int:
    """Run one service in this process until SIGTERM or SIGINT; return the exit code.

    A second signal, a second or more after the first, ends the process at once: what was accepted is
    safe then too. Signals that come together count as one (timeout(1) sends two).
    """
    stop = threading.Event()
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    # The interpreter's own C handler writes the signal's number. A handler in Python would wait for
    # this thread, which may be about to block and then never look.
    signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, _noted)
    atexit.register(_ignore_signals)
    threading.Thread(target=_obey, args=(read_end, stop), name="signals", daemon=True).start()
    log.info("starting", extra={"service_name": service.name})
    try:
        service.run(stop)
    except Exception:  # the outermost wrapper: says why the process ends
        log.exception("failed")
        return 1
    finally:
        service.close()
    log.info("stopped")
    return 0


def _noted(_signum: int, _frame: FrameType | None) -> None:
    """Keep the signal from its default action; the wake-up pipe carries it."""


def _ignore_signals() -> None:
    """At the interpreter's very end handlers are taken away: a late signal would spoil the exit code."""
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, signal.SIG_IGN)


def _obey(read_end: int, stop: threading.Event) -> None:
    os.read(read_end, 1)
    stop.set()
    first = time.monotonic()
    while True:
        (signum,) = os.read(read_end, 1)
        if time.monotonic() - first >= _SAME_SIGNAL_SECONDS:
            os._exit(128 + signum)


@contextmanager
def quick_start() -> Iterator[None]:
    """Load and build without the cyclic garbage collector, which would look at all of it many times.

    Hardly any of it is garbage; a sixth of the time of loading a gateway is saved.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def main_of(build: Callable[[], Service]) -> int:
    """Build and run: what every ``__main__`` calls. A ConfigError becomes one line and exit code 2."""
    try:
        with quick_start():
            service = build()
    except ConfigError as exc:
        print(f"error: {exc}", file=sys.stderr)  # noqa: T201 the command line's answer
        return 2
    return run(service)
