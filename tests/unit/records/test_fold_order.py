"""Job records are a function of the set of events, and the right one, whatever order they came in."""

import random
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pilothouse_common.contract.events import (
    Event,
    EventData,
    JobFinished,
    JobNodeFinished,
    JobNodeStarted,
    JobStarted,
    JobSubmitted,
)
from pilothouse_common.store.records.fold import fold
from pilothouse_common.store.records.outcome import JobRecord

from tests.support.job_stories import T0, Story, tell_story

SEEDS = st.integers(min_value=0, max_value=2**32)
SECONDS = st.one_of(st.integers(0, 400), st.integers(0, 20_000)).map(
    lambda seconds: T0 + timedelta(seconds=seconds)
)
OPTIONAL = st.none() | SECONDS


@st.composite
def any_event(draw: st.DrawFn, number: int) -> Event:
    """An event that need not make sense beside the others."""
    restart = draw(st.integers(0, 2))
    of_job: dict[str, Any] = {"cluster": "c", "job_id": 1, "restart_count": restart}
    of_node: dict[str, Any] = {**of_job, "hostname": draw(st.sampled_from(["n1", "n2"]))}
    time = draw(SECONDS)
    nodes = draw(st.sampled_from([None, ["n1"], ["n1", "n2"]]))
    choices: list[EventData] = [
        JobSubmitted(**of_job, submit_time=draw(OPTIONAL)),
        JobStarted(**of_job, start_time=time, submit_time=draw(OPTIONAL), nodes=nodes),
        JobFinished(
            **of_job,
            end_time=time,
            start_time=draw(OPTIONAL),
            exit_code=draw(st.sampled_from([None, 0, 1])),
            state=draw(st.sampled_from([None, "CANCELLED", "NODE_FAIL", "PENDING"])),
        ),
        JobNodeStarted(**of_node, start_time=time),
        JobNodeFinished(**of_node, end_time=time),
    ]
    data = draw(st.sampled_from(choices))
    return Event(id=str(number), source="s", time=draw(SECONDS), data=data)


@st.composite
def any_events(draw: st.DrawFn) -> list[Event]:
    return [draw(any_event(number)) for number in range(draw(st.integers(1, 9)))]


@given(any_events(), st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_order_and_doubles_make_no_difference(events: list[Event], rng: random.Random) -> None:
    expected = fold(events)

    doubled = [*events, *rng.choices(events, k=3)]
    rng.shuffle(doubled)

    assert fold(doubled) == expected


@given(any_events())
@settings(max_examples=200, deadline=None)
def test_every_event_is_of_exactly_one_job(events: list[Event]) -> None:
    records = fold(events)

    of_jobs = [event.id for record in records for event in record.events]
    assert sorted(of_jobs) == sorted(event.id for event in events)
    for record in records:
        start, end = record.values["start_time"], record.values["end_time"]
        assert start is None or end is None or start <= end
        listed = [a.hostname for a in record.allocations if a.listed]
        assert sorted(listed) == sorted({a.hostname for a in record.allocations})


@given(SEEDS)
@settings(max_examples=200, deadline=None)
def test_stories_told_in_any_order_are_recorded_as_they_were(seed: int) -> None:
    rng = random.Random(seed)
    story = tell_story(rng, 7)

    told = [*story.events, *story.events]
    rng.shuffle(told)

    assert_told(story, fold(told))


def assert_told(story: Story, records: list[JobRecord]) -> None:
    assert len(records) == len(story.expected)
    for record, expected in zip(records, story.expected, strict=True):
        found = {name: record.values[name] for name in expected.values}
        assert found == expected.values
        assert {
            (a.hostname, a.restart, a.start_time, a.end_time, a.gpu_ids) for a in record.allocations
        } == expected.allocations
        assert {event.id for event in record.events} == expected.event_ids
