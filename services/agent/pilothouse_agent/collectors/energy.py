"""Power and energy of the whole node, from the best account of it that other collectors found.

Best first: the node's controller (Cray), its management controller (IPMI's DCMI), the platform's counter
(RAPL's psys), and the sum of packages, memory and GPUs, which leaves out fans, disks and losses.
"""

from collections import deque

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import CollectorUnavailable, Host
from pilothouse_agent.job_energy import JobEnergy
from pilothouse_agent.power import MOST_WAITING, Spent

ACCOUNTS: tuple[tuple[str, ...], ...] = (("cray",), ("ipmi",), ("psys",), ("rapl", "gpu"))
PARTS = tuple(part for parts in ACCOUNTS for part in parts)
STALE_INTERVALS = 2.5  # of its own: then the next best account is used


class EnergyCollector:
    """Adds up; the same seconds are counted once, whoever accounts for them.

    What lesser accounts tell is kept until a better one covers that time, so that nothing is lost when
    the better one falls silent.
    """

    name = "energy"
    sources = ("cray", "ipmi", "rapl")

    def __init__(self, host: Host, options: Options) -> None:  # noqa: ARG002 the shape of all
        if host.power.sources.isdisjoint(self.sources):
            raise CollectorUnavailable(f"none of {', '.join(self.sources)} works here")
        self._host = host
        self._last: dict[str, Spent] = {}
        self._waiting = {part: deque[Spent](maxlen=MOST_WAITING) for part in PARTS}
        self._covered: dict[tuple[str, ...], float] = {}
        self._total = 0.0
        self._jobs = JobEnergy(host)
        self._divided, self._divided_at = 0.0, host.clock.monotonic()

    def collect(self) -> list[Sample]:
        """Return power, energy since the start, whose account it is and jobs' shares, when there is news."""
        now = self._host.clock.monotonic()
        for part in PARTS:
            for spent in self._host.power.take(part):
                self._waiting[part].append(spent)
                self._last[part] = spent
        account = next((parts for parts in ACCOUNTS if self._fresh(parts[0], now)), None)
        if account is None or not self._waiting[account[0]]:
            return []
        self._count(account)
        power = sum(self._last[part].watts for part in account if self._fresh(part, now))
        return [
            Sample("node_power", power),
            Sample("node_energy", self._total),
            Sample("node_energy_source", 1, "node", "", "source", account[0]),
            *self._of_jobs(now),
        ]

    def close(self) -> None:
        """Nothing is open."""

    def _fresh(self, part: str, now: float) -> bool:
        last = self._last.get(part)
        return last is not None and now - last.at <= STALE_INTERVALS * last.seconds

    def _of_jobs(self, now: float) -> list[Sample]:
        """Divide what was added since the last time among the jobs of now."""
        joules, seconds = self._total - self._divided, now - self._divided_at
        self._divided, self._divided_at = self._total, now
        return self._jobs.divide(joules, seconds) if seconds > 0 else []

    def _count(self, account: tuple[str, ...]) -> None:
        """Add what the account told to the total, and forget what others told of that time."""
        by_others = max((at for who, at in self._covered.items() if who != account), default=0.0)
        for part in account:
            self._total += sum(_after(spent, by_others) for spent in self._waiting[part])
            self._waiting[part].clear()
        covered = self._covered[account] = self._last[account[0]].at
        for waiting in self._waiting.values():
            while waiting and waiting[0].at <= covered:
                waiting.popleft()


def _after(spent: Spent, covered: float) -> float:
    """Return the energy of the seconds after ``covered``."""
    return spent.joules * max(0.0, min(spent.seconds, spent.at - covered)) / spent.seconds
