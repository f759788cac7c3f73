"""Several services in one process: each in a thread, all stopped together, one failure stops all."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence

from pilothouse_common.runtime.service import Check, Service

log = logging.getLogger(__name__)


class Together:
    """A service made of services.

    They are stopped and closed one after the other in the order given, so that those who produce have
    given everything away before those who take from them end.

    Args:
        name: Name of the whole.
        services: First to be stopped first.
        close: Releases what they share, after all of them.
        stop_seconds: Time that each part has to finish.
    """

    def __init__(
        self,
        name: str,
        services: Sequence[Service],
        *,
        close: Callable[[], None],
        stop_seconds: float = 10.0,
    ) -> None:
        self.name = name
        self._services = services
        self._close = close
        self._stop_seconds = stop_seconds
        self._failure: Exception | None = None

    def run(self, stop: threading.Event) -> None:
        """Run all until ``stop`` is set or one fails; then stop one after the other.

        Raises:
            Exception: The first part's failure.
        """
        parts = [(service, *self._start(service, stop)) for service in self._services]
        stop.wait()
        for service, own_stop, thread in parts:
            own_stop.set()
            thread.join(self._stop_seconds)
            if thread.is_alive():
                log.warning("did not stop in time", extra={"part": service.name})
            service.close()
        if self._failure is not None:
            raise self._failure

    def checks(self) -> Mapping[str, Check]:
        """Return the checks of all parts."""
        return {
            f"{s.name}.{name}": check for s in self._services for name, check in s.checks().items()
        }

    def close(self) -> None:
        """Release what the parts shared; each part was closed when it had stopped."""
        self._close()

    def _start(
        self, service: Service, stop: threading.Event
    ) -> tuple[threading.Event, threading.Thread]:
        own_stop = threading.Event()

        def work() -> None:
            try:
                service.run(own_stop)
                if not own_stop.is_set():
                    raise RuntimeError(f"{service.name} ended by itself")  # noqa: TRY301 same answer as a failure
            except Exception as exc:
                log.exception("part failed", extra={"part": service.name})
                self._failure = self._failure or exc
                stop.set()

        thread = threading.Thread(target=work, name=service.name, daemon=True)
        thread.start()
        return own_stop, thread
