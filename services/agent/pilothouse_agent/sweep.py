"""Asks every collector once per interval: times, catches and reports, so that none stops another.

A collector that does not answer within its deadline (a read that hangs in the kernel) is left behind
in its thread, reported as down and not asked again until that thread comes back.
"""

import logging
import threading
import time
from collections.abc import Iterable, Mapping, Sequence

from pilothouse_common.contract.samples import Sample
from pilothouse_common.errors import ConfigError

from pilothouse_agent.collectors.port import Collector, Factory, Options, Partly
from pilothouse_agent.host import CollectorUnavailable, Host
from pilothouse_agent.late import LateCollectors

log = logging.getLogger(__name__)


def choose(factories: Iterable[Factory], names: Sequence[str]) -> list[Factory]:
    """Return the named ones (all, when none is named) in the table's order.

    Raises:
        ConfigError: A name that is not in the table.
    """
    known = {factory.name: factory for factory in factories}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ConfigError(
            f"collectors: there is no {unknown[0]!r}; known are {', '.join(sorted(known))}"
        )
    return [factory for name, factory in known.items() if not names or name in names]


def how_often(
    known: Iterable[Factory],
    usual: Mapping[str, float],
    wanted: Mapping[str, float],
    interval_seconds: float,
) -> dict[str, int]:
    """Return in every how manieth sweep each collector that has an interval of its own is asked.

    Args:
        known: All collectors there are.
        usual: Intervals of the costly ones, seconds, by name.
        wanted: Those that somebody set.
        interval_seconds: Between sweeps.

    Raises:
        ConfigError: An interval for a collector that does not exist.
    """
    names = {factory.name for factory in known}
    for name in wanted:
        if name not in names:
            raise ConfigError(
                f"collector_intervals: there is no {name!r}; known are {', '.join(sorted(names))}"
            )
    seconds = {**usual, **wanted}
    return {name: max(1, round(each / interval_seconds)) for name, each in seconds.items()}


def probe(factory: Factory, host: Host, options: Options) -> Collector | str:
    """Return the collector, or in words why there is none here."""
    try:
        return factory(host, options)
    except CollectorUnavailable as exc:
        return str(exc)
    except Exception as exc:  # noqa: BLE001 one broken device must not keep the agent from starting
        return f"{type(exc).__name__}: {exc}"


def make_collectors(factories: Iterable[Factory], host: Host, options: Options) -> list[Collector]:
    """Return the collectors that this node can have; the others are logged, once."""
    collectors: list[Collector] = []
    for factory in factories:
        made = probe(factory, host, options)
        if isinstance(made, str):
            log.info("collector not available", extra={"collector": factory.name, "reason": made})
        else:
            collectors.append(made)
    return collectors


class Measured:
    """One collector with its policy: time it, catch what it raises, log each change once."""

    def __init__(self, collector: Collector, every: int = 1) -> None:
        self.collector = collector
        self.name = collector.name
        self.every = every
        self.stuck = False
        self._problem = ""

    def collect(self) -> list[Sample]:
        """Return what it tells, and how it went."""
        start = time.perf_counter()
        try:
            samples = list(self.collector.collect())
        except Partly as exc:
            samples = exc.samples
            self.note(str(exc))
        except Exception as exc:  # noqa: BLE001 the wrapper is where collectors may raise freely
            samples = []
            self.note(f"{type(exc).__name__}: {exc}")
        else:
            self.note("")
        samples.append(self._own("agent_collector_seconds", time.perf_counter() - start))
        samples.append(self._own("agent_collector_up", 0.0 if self._problem else 1.0))
        return samples

    def down(self) -> Sample:
        """Return the sample of a collector that is stuck."""
        return self._own("agent_collector_up", 0.0)

    def note(self, problem: str) -> None:
        """Log when it begins to fail, fails otherwise, or works again."""
        if problem != self._problem:
            self._problem = problem
            if problem:
                log.warning("collector fails", extra={"collector": self.name, "reason": problem})
            else:
                log.info("collector works again", extra={"collector": self.name})

    def _own(self, metric: str, value: float) -> Sample:
        return Sample(metric, value, "node", "", "collector", self.name)


class _Job:
    """One pass over some collectors; ``current`` is the one being asked."""

    def __init__(self, todo: Sequence[Measured]) -> None:
        self.todo = todo
        self.samples: list[Sample] = []
        self.done = threading.Event()
        self.lock = threading.Lock()
        self.current: Measured | None = None
        self.started = 0.0
        self.abandoned = False

    def run(self) -> bool:
        """Return whether anyone still waits for the result."""
        for measured in self.todo:
            with self.lock:
                self.current, self.started = measured, time.monotonic()
            samples = measured.collect()
            with self.lock:
                if self.abandoned:
                    measured.stuck = False
                    return False
                self.current = None
                self.samples += samples
        self.done.set()
        return True


class _Worker:
    """A thread that runs jobs until one of them is abandoned."""

    def __init__(self) -> None:
        self._job: _Job | None = None
        self._wake = threading.Semaphore(0)
        threading.Thread(target=self._run, name="collect", daemon=True).start()

    def start(self, job: _Job | None) -> None:
        self._job = job
        self._wake.release()

    def _run(self) -> None:
        while True:
            self._wake.acquire()
            if self._job is None or not self._job.run():
                return


class Sweep:
    """All collectors of this node.

    Args:
        collectors: In the order in which they are asked.
        deadline_seconds: How long each may take before the sweep goes on without it.
        every: Collectors that are asked only in every n-th sweep, by name; and in the first two: the
            first is never told, it gives rates something to be reckoned from.
        late: Gives the ones that come after the start.
    """

    def __init__(
        self,
        collectors: Iterable[Collector],
        *,
        deadline_seconds: float,
        every: Mapping[str, int] | None = None,
        late: LateCollectors | None = None,
    ) -> None:
        self._every = every or {}
        self._late = late
        self._measured: list[Measured] = []
        self._add(collectors)
        self._deadline = deadline_seconds
        self._sweeps = 0
        self._worker = _Worker()

    @property
    def names(self) -> list[str]:
        """Return the names of the collectors."""
        return [measured.name for measured in self._measured]

    def collect(self) -> list[Sample]:
        """Return the samples of now. Takes at most one deadline per collector that hangs anew."""
        if self._late is not None:
            self._add(self._late.arrived())
        samples = [measured.down() for measured in self._measured if measured.stuck]
        first = self._sweeps < 2
        todo = [m for m in self._measured if not m.stuck and (first or self._sweeps % m.every == 0)]
        self._sweeps += 1
        while todo:
            job = _Job(todo)
            self._worker.start(job)
            stuck = self._wait(job)
            samples += job.samples
            if stuck is None:
                break
            samples.append(stuck.down())
            todo = todo[todo.index(stuck) + 1 :]
            self._worker = _Worker()
        return samples

    def close(self) -> None:
        """Close every collector that is not stuck and end the thread."""
        self._worker.start(None)
        if self._late is not None:
            self._late.close()
        for measured in self._measured:
            if not measured.stuck:
                measured.collector.close()

    def _add(self, collectors: Iterable[Collector]) -> None:
        self._measured += [Measured(each, self._every.get(each.name, 1)) for each in collectors]

    def _wait(self, job: _Job) -> Measured | None:
        """Return None when the job is done, or the collector that it was abandoned for."""
        wait = self._deadline
        while not job.done.wait(wait):
            with job.lock:
                left = job.started + self._deadline - time.monotonic()
                if left <= 0 and job.current is not None:
                    job.abandoned = True
                    job.current.stuck = True
                    job.current.note(f"no answer within {self._deadline:g} s")
                    return job.current
            wait = max(left, 0.001)
        return None
