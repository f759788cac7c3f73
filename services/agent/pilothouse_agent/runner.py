"""The agent's loop: at every tick one sweep, one message."""

import threading
from collections.abc import Callable

from pilothouse_common.contract.samples import SampleEncoder

from pilothouse_agent.outbox import Outbox
from pilothouse_agent.report import Reporter
from pilothouse_agent.schedule import Schedule
from pilothouse_agent.sweep import Sweep

FORGET_TICKS = 500  # series keys of devices that are gone are dropped this often


class Runner:
    """Collects at each tick and hands the message over.

    Args:
        schedule: Gives the ticks.
        sweep: Asks the collectors.
        encoder: Makes the message.
        reporter: Tells what the node is.
        outbox: Takes messages without blocking.
    """

    def __init__(
        self,
        *,
        schedule: Schedule,
        sweep: Sweep,
        encoder: SampleEncoder,
        reporter: Reporter,
        outbox: Outbox,
    ) -> None:
        self._schedule = schedule
        self._sweep = sweep
        self._encoder = encoder
        self._reporter = reporter
        self._outbox = outbox
        self._ticks = 0

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set."""
        self._report()
        self.warm_up(stop.wait)
        self.loop(stop.wait)

    def warm_up(self, wait: Callable[[float], bool]) -> None:
        """Read the counters once, so that the first message has rates, and over a time worth telling."""
        self._sweep.collect()
        seconds = self._schedule.wait_seconds()
        if seconds < self._schedule.interval_seconds / 2:
            wait(seconds)
            self._schedule.take()

    def loop(self, wait: Callable[[float], bool]) -> None:
        """Work until ``wait(seconds)`` says that it is time to stop."""
        while not wait(self._schedule.wait_seconds()):
            tick = self._schedule.take()
            if tick is not None:
                self.tick(int(tick))

    def tick(self, time_seconds: int) -> None:
        """Do the work of one tick."""
        self._ticks += 1
        if self._ticks % FORGET_TICKS == 0:
            self._encoder.forget()
        samples = self._sweep.collect()
        samples.extend(self._outbox.samples())
        message = self._encoder.message(samples, time_seconds)
        if message is not None:
            self._outbox.put(message)
        self._report()

    def _report(self) -> None:
        message = self._reporter.due()
        if message is not None:
            self._outbox.put(message)
