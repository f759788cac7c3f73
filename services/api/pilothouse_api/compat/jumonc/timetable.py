"""Things to do later: one thread waits, a few do; none of them delays another."""

import heapq
import itertools
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from pilothouse_common.runtime.clock import Clock

log = logging.getLogger(__name__)
WORKERS = 8
MAX_WAITING = 1000
_LONGEST_WAIT_SECONDS = 60.0
Work = Callable[[], None]


class Timetable:
    """Does work at its time. Safe to use from several threads.

    Args:
        clock: Its monotonic part says what is due.
        name: Of the threads.
    """

    def __init__(self, clock: Clock, name: str) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, Work]] = []
        self._order = itertools.count()
        self._closed = False
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix=name)
        self._thread = threading.Thread(target=self._wait, name=f"{name}-clock", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def after(self, seconds: float, work: Work) -> bool:
        """Have work done once, some seconds from now; False: too much waits already, or it is over."""
        with self._changed:
            if self._closed or len(self._due) >= MAX_WAITING:
                return False
            entry = (self._clock.monotonic() + seconds, next(self._order), work)
            heapq.heappush(self._due, entry)
            self._changed.notify()
            return True

    def close(self) -> None:
        """Forget what waits; what has begun ends by itself. Idempotent."""
        with self._changed:
            self._closed = True
            self._due.clear()
            self._changed.notify()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _wait(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                now = self._clock.monotonic()
                if not self._due or self._due[0][0] > now:
                    until = self._due[0][0] - now if self._due else _LONGEST_WAIT_SECONDS
                    self._changed.wait(min(until, _LONGEST_WAIT_SECONDS))
                    continue
                work = heapq.heappop(self._due)[2]
                self._pool.submit(_guarded, work)


def _guarded(work: Work) -> None:
    try:
        work()
    except Exception:  # a failure of one must not end the others; nobody waits for its result
        log.exception("scheduled work failed")
