"""An answer that many ask for is asked once and kept for a moment."""

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from pilothouse_common.runtime.clock import Clock

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_MAX = 500


class Remembered(Generic[K, V]):
    """Keeps answers by key. Safe to use from several threads.

    Args:
        clock: The time.
        seconds: How long; an answer that took longer to get is kept as long as it took.
    """

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._lock = threading.Lock()
        self._known: dict[K, tuple[float, V]] = {}
        self._asking: dict[K, threading.Lock] = {}

    def get(self, key: K, ask: Callable[[], V]) -> V:
        """Return the kept answer, or ask; what ``ask`` raises is not kept."""
        found = self._known.get(key)
        if found is not None and self._clock.monotonic() < found[0]:
            return found[1]
        with self._lock:
            if len(self._asking) >= _MAX:
                self._asking.clear()
            one_at_a_time = self._asking.setdefault(key, threading.Lock())
        with one_at_a_time:  # who waited finds the answer of who asked
            begun = self._clock.monotonic()
            found = self._known.get(key)
            if found is not None and begun < found[0]:
                return found[1]
            answer = ask()
            took = self._clock.monotonic() - begun
            self._keep(key, begun + took + max(self._seconds, took), answer)
            return answer

    def _keep(self, key: K, until: float, answer: V) -> None:
        with self._lock:
            if len(self._known) >= _MAX:
                self._known.clear()
                self._asking.clear()
            self._known[key] = (until, answer)
