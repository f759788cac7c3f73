"""Runs from their events, in any order, on both stores; and who sees them."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from pilothouse_common.contract.events import Event, EventData, JobStarted, RunFinished, RunStarted
from pilothouse_common.contract.scopes import Restriction
from pilothouse_common.store.records import (
    EventRepository,
    Records,
    RunFilter,
    RunRepository,
    record_events,
)

T0 = datetime(2026, 11, 20, 12, tzinfo=UTC)
RUN = "0f3a5c7e9b1d.0123456789abcdef"


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def told(data: EventData, seconds: float) -> Event:
    return Event(
        id=f"{data.type} {seconds} {data.subject}", source="s", time=at(seconds), data=data
    )


def started(
    seconds: float, *, run_id: str = RUN, user: str = "ada", job_id: int | None = 7
) -> Event:
    data = RunStarted(
        cluster="c", run_id=run_id, hostname="n1", name="fluid", start_time=T0, user=user,
        job_id=job_id,
    )  # fmt: skip
    return told(data, seconds)


def finished(seconds: float, *, reason: str = "gone") -> Event:
    data = RunFinished(
        cluster="c", run_id=RUN, hostname="n1", end_time=at(seconds), reason=reason, user="ada"
    )
    return told(data, seconds)


def record(records: Records, *events: Event) -> None:
    with records.session() as session:
        record_events(session, events, now=at(99))


def the_run(records: Records) -> tuple[str, str | None, datetime | None, datetime | None]:
    with records.reading() as session:
        run = RunRepository(session).get(RUN, visible=Restriction())
        assert run is not None
        return run.state, run.name, run.start_time, run.end_time


def test_the_order_of_arrival_does_not_matter(records: Records) -> None:
    story = [started(1), finished(2), started(3), finished(4)]
    answers = set()

    for order in itertools.permutations(story):
        with records.session() as session:
            for table in ("runs", "events"):
                session.connection().exec_driver_sql(f"DELETE FROM {table}")
        for event in order:
            record(records, event, event)
        answers.add(the_run(records))

    assert answers == {("finished", "fluid", T0, at(4))}


def test_a_run_that_connects_again_goes_on(records: Records) -> None:
    record(records, started(1), finished(2), started(3))

    assert the_run(records)[0] == "running"


@pytest.mark.parametrize(
    ("visible", "seen"),
    [
        (Restriction(), {"a", "b"}),
        (Restriction(user="ada"), {"a"}),
        (Restriction(run_id="b"), {"b"}),
        (Restriction(job_id=7), {"a"}),
        (Restriction(account="chem"), {"a"}),
        (Restriction(cluster="d"), set()),
    ],
    ids=str,
)
def test_one_sees_what_one_may(records: Records, visible: Restriction, seen: set[str]) -> None:
    job = JobStarted(cluster="c", job_id=7, start_time=T0, user="ada", account="chem")
    record(
        records, told(job, 0), started(1, run_id="a"), started(2, run_id="b", user="bob", job_id=8)
    )

    with records.reading() as session:
        page = RunRepository(session).page(RunFilter(visible=visible))
        known = {run_id for run_id in "ab" if RunRepository(session).get(run_id, visible=visible)}

    assert {run.run_id for run in page.items} == known == seen


def test_the_stream_of_events_shows_nobody_the_runs_of_others(records: Records) -> None:
    record(records, started(1, run_id="a"), started(2, run_id="b", user="bob"))

    with records.reading() as session:
        mine = EventRepository(session).after(0, user="ada")

    assert [row.data["run_id"] for row in mine] == ["a"]
