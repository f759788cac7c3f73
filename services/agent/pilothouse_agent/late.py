"""Collectors that come later than the agent: a driver is loaded, a file system is mounted."""

import logging
import time
from collections.abc import Callable, Iterable

from pilothouse_agent.collectors.port import Collector, Factory
from pilothouse_agent.patience import Question

log = logging.getLogger(__name__)

LOOK_SECONDS = 300.0


class LateCollectors:
    """Looks now and then, in a thread of its own: what is probed may hang.

    Args:
        absent: Those that could not be made when the agent started.
        make: Returns one, or in words why there is none.
        look_seconds: Between looks.
    """

    def __init__(
        self,
        absent: Iterable[Factory],
        make: Callable[[Factory], Collector | str],
        *,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._absent = list(absent)
        self._make = make
        self._seconds = look_seconds
        self._next = time.monotonic() + look_seconds
        self._question: Question[list[Collector]] | None = None

    def arrived(self) -> list[Collector]:
        """Return the ones that a look has found since the last call; never waits."""
        now = time.monotonic()
        if self._question is None:
            if not self._absent or now < self._next:
                return []
            self._question = Question(self._look)
            self._question.start()
        try:
            found = self._question.answer(now)
        except TimeoutError:
            return []
        self._question.close()
        self._question, self._next = None, now + self._seconds
        names = {collector.name for collector in found}
        self._absent = [factory for factory in self._absent if factory.name not in names]
        for name in sorted(names):
            log.info("collector available now", extra={"collector": name})
        return found

    def close(self) -> None:
        """End the thread once it does not hang."""
        if self._question is not None:
            self._question.close()

    def _look(self) -> list[Collector]:
        made = [self._make(factory) for factory in self._absent]
        return [each for each in made if not isinstance(each, str)]
