"""What is recorded of a job, case by case: requeues, ids used again, missing and late tellings, states."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pilothouse_common.contract.events import (
    Event,
    EventData,
    JobFinished,
    JobNodeFinished,
    JobNodeStarted,
    JobStarted,
    JobSubmitted,
    new_event,
)
from pilothouse_common.store.records.fold import fold
from pilothouse_common.store.records.models import FAR_FUTURE
from pilothouse_common.store.records.outcome import SUPERSEDED, AllocationRecord, JobRecord

T0 = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = 60, 3600, 86_400


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def told(data: EventData, by: str = "hook") -> Event:
    return new_event(data, source=by, time=at(0))


def submitted(time: float, restart: int = 0, **more: Any) -> Event:
    return told(
        JobSubmitted(cluster="c", job_id=7, submit_time=at(time), restart_count=restart, **more)
    )


def started(time: float, restart: int = 0, by: str = "hook", **more: Any) -> Event:
    return told(
        JobStarted(cluster="c", job_id=7, start_time=at(time), restart_count=restart, **more), by
    )


def finished(time: float, restart: int = 0, by: str = "hook", **more: Any) -> Event:
    more = {"exit_code": 0, **more}
    return told(
        JobFinished(cluster="c", job_id=7, end_time=at(time), restart_count=restart, **more), by
    )


def node_started(time: float, restart: int = 0, node: str = "n1", **more: Any) -> Event:
    return told(
        JobNodeStarted(
            cluster="c", job_id=7, hostname=node, start_time=at(time), restart_count=restart, **more
        )
    )


def node_finished(time: float, restart: int = 0, node: str = "n1") -> Event:
    return told(
        JobNodeFinished(
            cluster="c", job_id=7, hostname=node, end_time=at(time), restart_count=restart
        )
    )


def only(events: list[Event]) -> JobRecord:
    (record,) = fold(events)
    return record


def spans(record: JobRecord) -> list[tuple[str, int, datetime | None, datetime | None]]:
    return [(a.hostname, a.restart, a.start_time, a.end_time) for a in record.allocations]


@pytest.mark.parametrize(
    ("exit_code", "signal", "state"),
    [
        (0, 0, "COMPLETED"),
        (0, None, "COMPLETED"),
        (None, None, "COMPLETED"),
        (3, 0, "FAILED"),
        (0, 9, "FAILED"),
        (0, 125, "OUT_OF_MEMORY"),
    ],
)
def test_an_exit_shows_the_state(exit_code: int | None, signal: int | None, state: str) -> None:
    record = only([started(0), finished(9, exit_code=exit_code, signal=signal)])

    assert record.values["state"] == state
    assert (record.values["exit_code"], record.values["signal"]) == (exit_code, signal)


def test_a_named_state_wins_over_the_exit() -> None:
    events = [started(0), finished(60), finished(60, by="watcher", state="CANCELLED")]

    assert only(events).values["state"] == "CANCELLED"


def test_a_submission_alone_is_pending_with_its_reason() -> None:
    record = only([submitted(0, reason="Resources", user="ada")])

    values = record.values
    assert (values["state"], values["reason"], values["user"]) == ("PENDING", "Resources", "ada")
    assert (values["listed_time"], values["listed_end_time"]) == (at(0), FAR_FUTURE)
    assert record.allocations == ()


def test_a_start_without_an_end_runs() -> None:
    values = only([submitted(0, reason="Priority"), started(60)]).values

    assert (values["state"], values["reason"], values["end_time"]) == ("RUNNING", None, None)
    assert (values["submit_time"], values["start_time"]) == (at(0), at(60))


def test_an_end_without_a_start_is_a_job() -> None:
    record = only([finished(60, exit_code=1, nodes=["n1"], user="ada")])

    values = record.values
    assert (values["state"], values["start_time"], values["end_time"]) == ("FAILED", None, at(60))
    assert spans(record) == [("n1", 0, None, at(60))]


def test_an_end_that_names_its_start_gives_the_start() -> None:
    values = only([finished(60, start_time=at(10))]).values

    assert (values["start_time"], values["end_time"]) == (at(10), at(60))


def test_a_start_told_by_hook_and_watcher_is_one_start_and_the_earliest_counts() -> None:
    record = only([started(10.7), started(10, by="watcher", submit_time=at(5)), finished(99)])

    assert (record.values["start_time"], record.values["submit_time"]) == (at(10), at(5))


def test_a_job_shorter_than_a_second_does_not_end_before_it_starts() -> None:
    events = [started(10.4), finished(10, by="watcher", start_time=at(10)), finished(10.9)]

    values = only(events).values

    assert (values["start_time"], values["end_time"]) == (at(10), at(10))
    assert values["listed_end_time"] == at(10)


def test_a_requeued_job_waits_as_pending() -> None:
    record = only([started(0, nodes=["n1"]), finished(60, restart=1)])

    values = record.values
    assert (values["state"], values["restart_count"]) == ("PENDING", 1)
    assert (values["start_time"], values["end_time"], values["exit_code"]) == (None, None, None)
    assert spans(record) == [("n1", 0, at(0), at(60))]


def test_a_requeued_job_stays_one_job_with_an_allocation_for_each_start() -> None:
    record = only(
        [
            started(0, nodes=["n1", "n2"]),
            finished(60, restart=1),
            started(200, restart=1, nodes=["n2"]),
            finished(260, restart=1, exit_code=2),
        ]
    )

    values = record.values
    assert (values["state"], values["restart_count"], values["num_nodes"]) == ("FAILED", 1, 1)
    assert (values["start_time"], values["end_time"]) == (at(200), at(260))
    assert spans(record) == [
        ("n1", 0, at(0), at(60)),
        ("n2", 0, at(0), at(60)),
        ("n2", 1, at(200), at(260)),
    ]
    assert [a.listed for a in record.allocations] == [True, False, True]


def test_a_new_submission_id_of_a_requeue_is_no_new_job() -> None:
    record = only(
        [
            started(0, sluid="sA"),
            finished(60, restart=1, sluid="sA"),
            started(200, restart=1, sluid="sB"),
        ]
    )

    assert (record.values["state"], record.values["sluid"]) == ("RUNNING", "sB")


def test_epilogs_count_the_next_restart_already() -> None:
    record = only(
        [
            started(0, nodes=["n1"]),
            node_started(1),
            node_finished(61, restart=1),
            finished(60, restart=1),
            started(200, restart=1, nodes=["n1"]),
            node_started(201, restart=1),
            node_finished(261, restart=1),
            finished(260, restart=1),
        ]
    )

    assert record.values["state"] == "COMPLETED"
    assert spans(record) == [("n1", 0, at(1), at(61)), ("n1", 1, at(201), at(261))]


def test_an_epilog_of_the_first_start_may_come_after_the_second_start() -> None:
    record = only(
        [
            started(0, nodes=["n1", "n2"]),
            node_started(1, node="n1"),
            finished(60, restart=1),
            started(70, restart=1, nodes=["n2"]),
            node_started(71, restart=1, node="n2"),
            node_finished(90, restart=1, node="n1"),
        ]
    )

    assert spans(record)[0] == ("n1", 0, at(1), at(90))
    assert spans(record)[2] == ("n2", 1, at(71), None)


def test_a_job_preempted_and_requeued_is_pending() -> None:
    events = [started(0), finished(60, restart=1, by="watcher", state="PREEMPTED")]

    assert only(events).values["state"] == "PENDING"


def test_a_requeued_job_cancelled_while_it_waits_is_cancelled() -> None:
    events = [
        started(0),
        finished(60, restart=1),
        finished(500, restart=1, by="watcher", state="CANCELLED", exit_code=None),
    ]

    values = only(events).values

    assert (values["state"], values["start_time"], values["end_time"]) == (
        "CANCELLED",
        None,
        at(500),
    )


def test_an_id_used_again_is_another_job() -> None:
    first, second = fold(
        [
            started(0, user="ada"),
            finished(60, exit_code=1),
            started(DAY, user="bob"),
            finished(DAY + 60),
        ]
    )

    assert (first.values["user"], first.values["state"]) == ("ada", "FAILED")
    assert (second.values["user"], second.values["state"]) == ("bob", "COMPLETED")
    assert (first.values["ordinal"], second.values["ordinal"]) == (0, 1)


def test_an_id_used_again_at_once_is_known_by_its_submission() -> None:
    first, second = fold([started(0, sluid="sA"), finished(2), started(5, sluid="sB")])

    assert (first.values["state"], second.values["state"]) == ("COMPLETED", "RUNNING")


def test_a_job_whose_id_was_used_again_is_over() -> None:
    running, _ = fold([started(0), started(DAY)])
    pending, _ = fold([submitted(0), submitted(DAY), started(DAY + 1)])

    assert (running.values["state"], running.values["end_time"]) == ("COMPLETED", at(DAY))
    assert (pending.values["state"], pending.values["end_time"]) == ("CANCELLED", at(DAY))
    assert running.values["reason"] == pending.values["reason"] == SUPERSEDED


def test_a_submission_told_twice_is_of_one_job() -> None:
    events = [submitted(0), submitted(0.8), started(60), finished(90)]

    assert only(events).values["submit_time"] == at(0)


def test_prologs_alone_make_a_running_job() -> None:
    record = only([node_started(1, user="ada"), node_started(3, node="n2")])

    values = record.values
    assert (values["state"], values["start_time"], values["num_nodes"]) == ("RUNNING", at(1), 2)
    assert values["user"] == "ada"


def test_a_prolog_that_does_not_tell_its_restart_belongs_to_the_start_of_that_time() -> None:
    record = only(
        [
            started(0, nodes=["n1"]),
            finished(60, restart=1),
            started(200, restart=1, nodes=["n1"]),
            node_started(201),
        ]
    )

    assert spans(record) == [("n1", 0, at(0), at(60)), ("n1", 1, at(201), None)]


def test_gpus_are_counted_from_the_nodes_where_nobody_told_their_number() -> None:
    events = [
        started(0, nodes=["n1", "n2"]),
        node_started(1, gpu_ids=["0", "1"]),
        node_started(1, node="n2", gpu_ids=["3"]),
    ]

    record = only(events)

    assert record.values["gpus"] == 3
    assert record.allocations[0] == AllocationRecord("n1", 0, at(1), None, ("0", "1"), True)


def test_an_epilog_of_minutes_ends_its_own_allocation() -> None:
    record = only(
        [started(0, nodes=["n1", "n2"]), finished(60), node_finished(60 + 20 * MINUTE, node="n2")]
    )

    assert record.values["end_time"] == at(60)
    assert spans(record) == [
        ("n1", 0, at(0), at(60)),
        ("n2", 0, at(0), at(60 + 20 * MINUTE)),
    ]


def test_an_end_cut_to_the_second_before_its_start_is_of_that_start() -> None:
    values = only([started(10.4), finished(10, by="watcher", exit_code=1)]).values

    assert (values["state"], values["start_time"], values["end_time"]) == (
        "FAILED",
        at(10.4),
        at(10.4),
    )


def test_a_submission_that_counts_a_restart_means_waiting_again() -> None:
    values = only([started(0), submitted(100, restart=1, reason="BeginTime")]).values

    assert (values["state"], values["reason"], values["restart_count"]) == (
        "PENDING",
        "BeginTime",
        1,
    )


def test_a_requeued_round_without_its_start_is_the_one_before_the_next() -> None:
    record = only(
        [
            finished(60, restart=1, start_time=at(0), nodes=["n1"]),
            started(200, restart=1, nodes=["n2"]),
        ]
    )

    assert record.values["state"] == "RUNNING"
    assert spans(record) == [("n1", 0, at(0), at(60)), ("n2", 1, at(200), None)]


def test_a_prolog_tells_the_restart_of_a_round_whose_start_is_missing() -> None:
    record = only([node_started(1, restart=1), finished(60, restart=2)])

    assert (record.values["state"], record.values["restart_count"]) == ("PENDING", 2)
    assert spans(record) == [("n1", 1, at(1), at(60))]


def test_a_start_that_names_another_submit_time_is_of_another_job() -> None:
    pending, running = fold([submitted(0), started(DAY, submit_time=at(DAY - 5))])

    assert (pending.values["state"], pending.values["submit_time"]) == ("CANCELLED", at(0))
    assert (running.values["state"], running.values["submit_time"]) == ("RUNNING", at(DAY - 5))
