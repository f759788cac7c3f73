"""Second step of the fold: to which round a node's start or end belongs. The rules are in fold.py."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pilothouse_common.contract.events import Event, JobNodeFinished, JobNodeStarted
from pilothouse_common.store.records.rounds import CUT, SAME, Round

LATE = timedelta(hours=1)
"""An epilog may come this long after the end of its job."""
Score = tuple[Any, ...]


def attach(rounds: list[Round], events: Sequence[Event]) -> None:
    """Add what nodes told to the rounds, and rounds of which only nodes told; sort them.

    Args:
        rounds: From gather().
        events: In canonical order.
    """
    for event in events:
        if isinstance(event.data, JobNodeStarted):
            _add_start(rounds, event, event.data)
    for event in events:
        if isinstance(event.data, JobNodeFinished):
            _add_end(rounds, event, event.data)
    rounds.sort(key=lambda each: each.place)


def _add_start(rounds: list[Round], event: Event, data: JobNodeStarted) -> None:
    time, restart = data.start_time, data.restart_count

    def score(each: Round, low: datetime, high: datetime | None) -> Score | None:
        if not low - SAME <= time or (high is not None and time > high + SAME):
            return None
        return _begins(each, restart), low <= time + CUT, low

    candidates = [
        index for index, each in enumerate(rounds) if not restart or _begins(each, restart)
    ]
    found = _choose(rounds, candidates, score, time)
    if found is None:
        found = Round(restart, restart)
        rounds.append(found)
    elif found.restart is None and restart:
        found.restart = restart
    found.node_starts[data.hostname] = min(time, found.node_starts.get(data.hostname, time))
    found.events.append(event)
    rounds.sort(key=lambda each: each.place)


def _begins(each: Round, restart: int) -> bool:
    """Tell whether a node's start that says ``restart`` fits; 0 may also mean that it was not told."""
    if each.restart is not None:
        return restart == each.restart
    return restart in (each.told_restart, each.told_restart - 1)


def _add_end(rounds: list[Round], event: Event, data: JobNodeFinished) -> None:
    time, hostname = data.end_time, data.hostname

    def score(each: Round, low: datetime, high: datetime | None) -> Score | None:
        on_node = each.node_starts.get(hostname)
        after = on_node <= time + CUT if on_node is not None else low - SAME <= time
        if not after or (high is not None and time > high + LATE):
            return None
        known = on_node is not None or hostname in each.told_nodes
        return known, low <= time + CUT, low, each.takes(data.restart_count)

    found = _choose(rounds, range(len(rounds)), score, time)
    if found is None:
        found = Round(None, data.restart_count)
        rounds.append(found)
    found.node_ends[hostname] = max(time, found.node_ends.get(hostname, time))
    found.events.append(event)
    rounds.sort(key=lambda each: each.place)


def _choose(
    rounds: Sequence[Round],
    candidates: Sequence[int],
    score: Callable[[Round, datetime, datetime | None], Score | None],
    time: datetime,
) -> Round | None:
    """Return the candidate with the best score, else the nearest within LATE, else None."""
    spans = [(rounds[index], *_span(rounds, index)) for index in candidates]
    scored = [
        (points, each)
        for each, low, high in spans
        if (points := score(each, low, high)) is not None
    ]
    if scored:
        return max(scored, key=lambda pair: pair[0])[1]
    gaps = [(_gap(time, low, high), each) for each, low, high in spans]
    gap, nearest = min(gaps, key=lambda pair: pair[0], default=(LATE, None))
    return nearest if gap < LATE else None


def _gap(time: datetime, low: datetime, high: datetime | None) -> timedelta:
    return low - time if time < low else time - (high or time)


def _span(rounds: Sequence[Round], index: int) -> tuple[datetime, datetime | None]:
    """Return from when to when a round may have been.

    Without a start it may have begun when the one before it was over, without an end it was over when
    the next began.
    """
    each = rounds[index]
    high = each.end or (rounds[index + 1].place if index + 1 < len(rounds) else None)
    if each.begin is not None:
        return each.begin, high
    if index == 0:
        return datetime.min.replace(tzinfo=UTC) + SAME, high
    before = rounds[index - 1]
    return (before.end or before.place) + SAME, high
