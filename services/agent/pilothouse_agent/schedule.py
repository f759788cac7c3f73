"""When to collect: at whole multiples of the interval on the wall clock, whatever that clock does."""

from pilothouse_common.runtime.clock import Clock


class Schedule:
    """Gives the ticks of one interval.

    Each tick is reckoned from the wall clock anew, so nothing drifts; ticks that were missed (a slow
    sweep, a suspended machine, a clock set forward) are skipped, never made up for in a burst; after a
    clock was set back, ticks go on from there.

    Attributes:
        interval_seconds: Between ticks.
    """

    def __init__(self, clock: Clock, interval_seconds: float) -> None:
        self._clock = clock
        self.interval_seconds = self._interval = interval_seconds
        self._next = self._after(clock.now().timestamp())

    def wait_seconds(self) -> float:
        """Return how long to wait for the next tick, at most one interval."""
        now = self._clock.now().timestamp()
        if self._next - now > self._interval:  # the clock was set back
            self._next = self._after(now)
        return min(self._interval, max(0.0, self._next - now))  # min: of floats

    def take(self) -> float | None:
        """Return the Unix time of the tick that is due, once; None when it is too early."""
        now = self._clock.now().timestamp()
        if now < self._next:
            return None
        self._next = self._after(now)
        return self._next - self._interval

    def _after(self, now: float) -> float:
        return (now // self._interval + 1) * self._interval
