"""Questions that may never be answered: each in a thread of its own, with a deadline."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Question(Generic[T]):
    """Asks again and again; while an answer is overdue it is neither asked anew nor waited for.

    Args:
        ask: What may hang; what it raises is raised by ``answer``.
    """

    def __init__(self, ask: Callable[[], T]) -> None:
        self._ask = ask
        self._go = threading.Semaphore(0)
        self._done = threading.Event()
        self._outstanding = False
        self._overdue = False
        self._closed = False
        self._value: T
        self._problem: Exception | None = None
        threading.Thread(target=self._run, name="question", daemon=True).start()

    def start(self) -> None:
        """Ask, without waiting."""
        if not self._outstanding:
            self._outstanding = True
            self._done.clear()
            self._go.release()

    def answer(self, until: float) -> T:
        """Return the answer to the last ``start``.

        Raises:
            TimeoutError: None came before ``until`` (``time.monotonic``).
        """
        wait = 0.0 if self._overdue else max(0.0, until - time.monotonic())
        self._overdue = not self._done.wait(wait)
        if self._overdue:
            raise TimeoutError
        self._outstanding = False
        if self._problem is not None:
            raise self._problem
        return self._value

    def close(self) -> None:
        """End the thread once it is not waiting for an answer."""
        self._closed = True
        self._go.release()

    def _run(self) -> None:
        while True:
            self._go.acquire()
            if self._closed:
                return
            try:
                self._value, self._problem = self._ask(), None
            except Exception as exc:  # noqa: BLE001 handed to the one who waits
                self._problem = exc
            self._done.set()
