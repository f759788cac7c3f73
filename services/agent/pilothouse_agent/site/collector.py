"""The collector of one command or one file (set) of the site.

Each is asked in a thread of its own. A quick answer is told in the same sweep, a slow one in the next
after it has come; the sweep never waits longer than PATIENCE_SECONDS, and once for each slow command.
"""

import time
from collections.abc import Callable

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Partly
from pilothouse_agent.host import Host
from pilothouse_agent.patience import Question
from pilothouse_agent.site.command import Command
from pilothouse_agent.site.files import Files
from pilothouse_agent.site.problem import SiteProblem
from pilothouse_agent.site.rates import SiteRates
from pilothouse_agent.site.text import parse
from pilothouse_agent.site.value import Value

PATIENCE_SECONDS = 0.2
OVERDUE_SECONDS = 5.0

Ask = Callable[[], tuple[list[Value], str]]
"""Returns values, and what is wrong with others. Ends by itself, unless the kernel hangs."""


class SiteCollector:
    """Asks in every n-th sweep, and goes on telling a problem until it is gone.

    Args:
        name: ``exec:NAME`` or ``file:NAME``.
        ask: Runs the command, or reads the file.
        host: Its clock.
        every: In every how manieth sweep it is due.
        deadline_seconds: What an answer may take.
        stop: Ends what runs, when the agent ends.
    """

    def __init__(
        self,
        name: str,
        ask: Ask,
        *,
        host: Host,
        every: int,
        deadline_seconds: float,
        stop: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self._ask = ask
        self._stop = stop
        self._clock = host.clock
        self._every = every
        self._overdue = deadline_seconds + OVERDUE_SECONDS
        self._sweeps = 0
        self._running = False
        self._started = 0.0
        self._problem = ""
        self._rates = SiteRates()
        self._question = Question(self._answer)

    def collect(self) -> list[Sample]:
        """Return what the last answer told, once.

        Raises:
            Partly: The last answer was none, or not whole.
        """
        now = time.monotonic()
        if self._sweeps % self._every == 0 and not self._running:
            self._running, self._started = True, now
            self._question.start()
        self._sweeps += 1
        samples: list[Sample] = []
        if self._running:
            try:
                samples, self._problem = self._question.answer(now + PATIENCE_SECONDS)
                self._running = False
            except TimeoutError:
                if now - self._started > self._overdue:
                    self._problem = f"hangs since {now - self._started:.0f} s and cannot be ended"
        if self._problem:
            raise Partly(self._problem, samples)
        return samples

    def close(self) -> None:
        """End what runs, and the thread."""
        self._stop()
        self._question.close()

    def _answer(self) -> tuple[list[Sample], str]:
        start = time.monotonic()
        try:
            values, problem = self._ask()
        except Exception as exc:  # noqa: BLE001 the thread's errors are told by the sweep that waits
            values, problem = [], str(exc) if isinstance(exc, SiteProblem) else repr(exc)
        samples = self._rates.samples(values, self._clock.monotonic())
        seconds = time.monotonic() - start
        samples.append(Sample("agent_site_seconds", seconds, "node", "", "collector", self.name))
        return samples, problem


def of_command(
    name: str, argv: list[str], *, host: Host, every: int, deadline_seconds: float
) -> SiteCollector:
    """Return the collector of a command."""
    command = Command(argv, deadline_seconds=deadline_seconds)

    def ask() -> tuple[list[Value], str]:
        return parse(command.output().decode(errors="replace")), ""

    return SiteCollector(
        name, ask, host=host, every=every, deadline_seconds=deadline_seconds, stop=command.kill
    )


def of_files(
    name: str, path: str, *, host: Host, every: int, max_age_seconds: float, deadline_seconds: float
) -> SiteCollector:
    """Return the collector of a file or directory."""
    files = Files(host, path, max_age_seconds=max_age_seconds)
    return SiteCollector(
        name, files.values, host=host, every=every, deadline_seconds=deadline_seconds
    )
