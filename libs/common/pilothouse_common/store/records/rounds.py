"""First half of the fold: which starts and ends belong together. The rules are in fold.py."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

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
LATE = timedelta(hours=1)
"""An epilog may come this long after the end of its job."""

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
    told_nodes: list[str] = field(default_factory=list)

    def takes(self, restart: int) -> bool:
        """Tell whether an end that says ``restart`` can be of this round."""
        if self.restart is not None:
            return restart in (self.restart, self.restart + 1)
        return abs(restart - self.told_restart) <= 1

    def began(self, restart: int) -> bool:
        """Tell whether a start that says ``restart`` can be of this round."""
        if self.restart is not None:
            return restart == self.restart
        return restart in (self.told_restart, self.told_restart - 1)

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
            self.told_nodes = event.data.nodes


def gather(events: Sequence[Event]) -> list[Round]:
    """Return the rounds in the order they happened. Takes the events in canonical order."""
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
    _add_nodes(rounds, events)
    rounds.sort(key=lambda each: each.place)
    return rounds


def _add_nodes(rounds: list[Round], events: Sequence[Event]) -> None:
    for event in events:
        if isinstance(event.data, JobNodeStarted):
            _add_node_start(rounds, event, event.data)
    for event in events:
        if isinstance(event.data, JobNodeFinished):
            _add_node_end(rounds, event, event.data)


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


def _add_node_start(rounds: list[Round], event: Event, data: JobNodeStarted) -> None:
    time = data.start_time
    fitting = [
        (each, *_span(rounds, index))
        for index, each in enumerate(rounds)
        if each.began(data.restart_count)
    ]
    inside = [
        ((low <= time + CUT, low), each)
        for each, low, high in fitting
        if low - SAME <= time and (high is None or time <= high + SAME)
    ]
    found = _best(inside) if inside else _closest(fitting, time)
    if found is None:
        found = Round(data.restart_count, data.restart_count)
        rounds.append(found)
        found.node_starts[data.hostname] = time
        rounds.sort(key=lambda each: each.place)
    found.node_starts[data.hostname] = min(time, found.node_starts.get(data.hostname, time))
    found.events.append(event)


def _add_node_end(rounds: list[Round], event: Event, data: JobNodeFinished) -> None:
    time = data.end_time
    fitting = [
        (each, *_span(rounds, index))
        for index, each in enumerate(rounds)
        if each.takes(data.restart_count)
    ]
    inside = []
    for each, low, high in fitting:
        on_node = each.node_starts.get(data.hostname)
        known = on_node is not None or data.hostname in each.told_nodes
        after = on_node <= time + CUT if on_node is not None else low - SAME <= time
        if after and (high is None or time <= high + LATE):
            inside.append(((known, low <= time + CUT, low), each))
    found = _best(inside) if inside else _closest(fitting, time)
    if found is None:
        found = Round(None, data.restart_count)
        rounds.append(found)
        found.node_ends[data.hostname] = time
        rounds.sort(key=lambda each: each.place)
    found.node_ends[data.hostname] = max(time, found.node_ends.get(data.hostname, time))
    found.events.append(event)


def _span(rounds: Sequence[Round], index: int) -> tuple[datetime, datetime | None]:
    """Return from when to when a round may have been; without a start, since the one before it."""
    each = rounds[index]
    if each.begin is not None:
        return each.begin, each.end
    before = rounds[index - 1] if index else None
    low = (before.end or before.place) if before else datetime.min.replace(tzinfo=each.place.tzinfo)
    return low + SAME, each.end


def _best(scored: Iterable[tuple[tuple[Any, ...], Round]]) -> Round:
    return max(scored, key=lambda pair: pair[0])[1]


def _closest(
    fitting: Iterable[tuple[Round, datetime, datetime | None]], time: datetime
) -> Round | None:
    def gap(low: datetime, high: datetime | None) -> timedelta:
        return low - time if time < low else time - (high or time)

    near = [(gap(low, high), each) for each, low, high in fitting if gap(low, high) <= LATE]
    return min(near, key=lambda pair: pair[0])[1] if near else None
