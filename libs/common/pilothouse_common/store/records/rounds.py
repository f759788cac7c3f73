"""First step of the fold: which starts and ends belong together. The rules are in fold.py."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pilothouse_common.contract.events import (
    Event,
    JobEvent,
    JobFinished,
    JobNodeFinished,
    JobNodeStarted,
    JobStarted,
    JobSubmitted,
)

SAME = timedelta(seconds=30)
"""Two tellings of one start (or end) are at most this far apart."""
CUT = timedelta(seconds=2)
"""What cutting times to seconds may turn round."""

RANK = {
    kind: rank
    for rank, kind in enumerate(
        (JobSubmitted, JobStarted, JobNodeStarted, JobNodeFinished, JobFinished)
    )
}


def time_of(event: Event) -> datetime:
    """Return when the told thing happened, which is not when it was told."""
    match event.data:
        case JobStarted(start_time=time) | JobNodeStarted(start_time=time):
            return time
        case JobFinished(end_time=time) | JobNodeFinished(end_time=time):
            return time
        case JobSubmitted(submit_time=datetime() as time):
            return time
        case _:
            return event.time


def canonical(event: Event) -> tuple[datetime, int, datetime, str, str]:
    """Return the key that orders the events of a job, whatever order they came in."""
    return (time_of(event), RANK[type(event.data)], event.time, event.source, event.id)


@dataclass(eq=False)
class Round:
    """One start of a job and all that was told of it.

    ``restart`` is None while only ends told of it: an end may already count the next restart.
    """

    restart: int | None
    told_restart: int
    events: list[Event] = field(default_factory=list)
    start: datetime | None = None
    end: datetime | None = None
    node_starts: dict[str, datetime] = field(default_factory=dict)
    node_ends: dict[str, datetime] = field(default_factory=dict)
    told_nodes: dict[str, None] = field(default_factory=dict)

    def takes(self, restart: int) -> bool:
        """Tell whether an end that says ``restart`` can be of this round."""
        if self.restart is not None:
            return restart in (self.restart, self.restart + 1)
        return abs(restart - self.told_restart) <= 1

    @property
    def begin(self) -> datetime | None:
        """When it began, by the best that was told."""
        return self.start or min(self.node_starts.values(), default=None)

    @property
    def place(self) -> datetime:
        """Where it stands among the other rounds."""
        return self.begin or self.end or min(self.node_ends.values())

    def add(
        self, event: Event, *, start: datetime | None = None, end: datetime | None = None
    ) -> None:
        """Take in what was told; the earliest telling of a start or end is the nearest to the truth."""
        self.events.append(event)
        if start is not None:
            self.start = min(start, self.start or start)
        if end is not None:
            self.end = min(end, self.end or end)
        if isinstance(event.data, JobEvent) and event.data.nodes:
            self.told_nodes = dict.fromkeys(event.data.nodes)


def gather(events: Sequence[Event]) -> list[Round]:
    """Return the rounds that starts and ends tell of, in their order.

    Args:
        events: In canonical order.
    """
    rounds: list[Round] = []
    for event in events:
        if isinstance(event.data, JobStarted):
            _add_start(rounds, event, event.data)
    ends = [(event, event.data) for event in events if isinstance(event.data, JobFinished)]
    for event, data in ends:
        if data.start_time is not None:
            _add_whole(rounds, event, data, data.start_time)
    for event, data in ends:
        if data.start_time is None:
            _add_end(rounds, event, data)
    rounds.sort(key=lambda each: each.place)
    return rounds


def _add_start(rounds: list[Round], event: Event, data: JobStarted) -> None:
    found = next(
        (
            each
            for each in reversed(rounds)
            if each.restart == data.restart_count
            and each.start is not None
            and data.start_time - each.start <= SAME
            and not _contradicts(each, data)
        ),
        None,
    )
    if found is None:
        found = Round(data.restart_count, data.restart_count)
        rounds.append(found)
    found.add(event, start=data.start_time)


def _contradicts(known: Round, data: JobStarted) -> bool:
    """Tell whether a start names another submission than the round it could belong to."""
    for other in known.events:
        assert isinstance(other.data, JobEvent)
        if data.sluid and other.data.sluid and data.sluid != other.data.sluid:
            return True
        mine, theirs = data.submit_time, other.data.submit_time
        if mine and theirs and abs(mine - theirs) > CUT:
            return True
    return False


def _add_whole(rounds: list[Round], event: Event, data: JobFinished, start: datetime) -> None:
    near = [
        each
        for each in rounds
        if each.start is not None
        and abs(each.start - start) <= SAME
        and each.takes(data.restart_count)
    ]
    found = _nearest(near, start)
    if found is None:
        found = Round(None, data.restart_count)
        rounds.append(found)
    found.add(event, start=start, end=data.end_time)


def _nearest(rounds: Iterable[Round], start: datetime) -> Round | None:
    return min(rounds, key=lambda each: abs((each.start or start) - start), default=None)


def _add_end(rounds: list[Round], event: Event, data: JobFinished) -> None:
    started = [
        each
        for each in rounds
        if each.start is not None
        and each.start <= data.end_time + CUT
        and each.takes(data.restart_count)
    ]
    found = max(started, key=lambda each: each.start or data.end_time, default=None)
    if found is None or not _ends_with(found, data.end_time):
        found = next(
            (
                each
                for each in rounds
                if each.start is None
                and each.told_restart == data.restart_count
                and _ends_with(each, data.end_time)
            ),
            None,
        )
    if found is None:
        found = Round(None, data.restart_count)
        rounds.append(found)
    found.add(event, end=data.end_time)


def _ends_with(known: Round, end: datetime) -> bool:
    return known.end is None or abs(known.end - end) <= SAME
