"""Repeated requests: run by themselves, with the token that scheduled them, as long as it lives."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pilothouse_api.compat.jumonc.timetable import Timetable
from pilothouse_common.contract.scopes import BUNDLES
from pilothouse_common.runtime.clock import SystemClock
from pilothouse_common.store.records import FAR_FUTURE, CompatTask, CompatTaskRepository

from tests.support.jumonc import OldClient, an_old_client, measure, report
from tests.support.process import eventually

LOAD = "/v1/cpu/status/load"


@pytest.fixture
def old(sqlite_records, sample_store) -> Iterator[OldClient]:
    with an_old_client(sqlite_records, sample_store) as made:
        fill(made)
        yield made


def fill(old: OldClient) -> None:
    report(old.gateway, "n1", interval_seconds=60)
    measure(old.gateway.samples, ["n1"], [int(datetime.now(UTC).timestamp())])


def schedule(old: OldClient, task: str, interval: int = 100, **how) -> int:
    text = old.json("/v1/scheduled/schedule", interval=interval, task=task, **how)
    assert text.startswith("Scheduled task with ID ")
    return int(text.rpartition(" ")[2])


def listed(old: OldClient) -> list[dict[str, Any]]:
    found = old.json("/v1/scheduled/list", "see_links")
    return [] if found == "no tasks scheduled right now" else found


def statuses(old: OldClient) -> dict[int, int]:
    return {task["id"]: task["http_status"] for task in listed(old)}


def test_a_task_runs_again_and_again_and_shows_no_token(old):
    token = old.token("compute_data")
    task_id = schedule(old, f"/jumonc{LOAD}/?token={token}&node=n1&prefer_id=no")

    eventually(lambda: old.get("/v1/scheduled/result", id=task_id).status_code == 200, within=10)
    first = listed(old)[0]["result_last_id"]
    task = eventually(lambda: [t for t in listed(old) if t["result_last_id"] > first], within=10)[0]

    assert old.json("/v1/scheduled/result", ID=task_id)["results"] == {"CPU load": "1.0"}
    assert task | {"exec_time_last": 0, "exec_time_next": 0, "result_last_id": 0} == {
        "id": task_id,
        "task": f"{LOAD}?node=n1",
        "interval_ms": 100,
        "result_last_id": 0,
        "exec_time_last": 0,
        "exec_time_next": 0,
        "http_status": 200,
    }
    assert task["exec_time_last"] > 1_700_000_000_000


def test_what_fails_says_so_and_ends_no_other(old):
    bad = schedule(old, f"{LOAD}?node=nowhere")
    good = schedule(old, "/v1/job/config/Nodename")

    eventually(lambda: old.get("/v1/scheduled/result", id=good).status_code == 200, within=10)
    eventually(lambda: statuses(old) == {bad: 404, good: 200}, within=10)

    assert old.get("/v1/scheduled/result", id=bad).status_code == 425
    assert old.json("/v1/scheduled/result", id=good)["results"] == {"node name": "n1"}


def test_a_task_ends_with_its_token(old):
    token = old.gateway.token("alice", tuple(BUNDLES["full"]))
    answer = old.get("/v1/scheduled/schedule", None, token=token, interval=100, task=LOAD)
    assert answer.status_code == 200
    eventually(lambda: listed(old)[0]["http_status"] == 200, within=10)

    jti = old.gateway.ports.tokens.verify(token).jti
    old.gateway.ports.tokens.revoke(jti, by="alice")

    eventually(lambda: listed(old) == [], within=10)


def test_a_task_outlives_the_process(sqlite_records, sample_store):
    with an_old_client(sqlite_records, sample_store) as first:
        fill(first)
        task_id = schedule(first, LOAD, interval=60_000)
        eventually(lambda: listed(first)[0]["http_status"] == 200, within=10)
    with an_old_client(sqlite_records, sample_store) as second:
        assert second.get("/v1/scheduled/result", id=task_id).status_code == 200


def test_a_cancelled_task_is_gone_for_good(old):
    task_id = schedule(old, LOAD)
    done = old.json("/v1/scheduled/cancel", ID=task_id)

    assert done == f"Scheduled task with id {task_id} was canceled"
    assert listed(old) == []
    for path in ("cancel", "result"):
        assert old.get(f"/v1/scheduled/{path}", id=task_id).status_code == 400


def test_tasks_of_another_user_do_not_exist(old):
    task_id = schedule(old, LOAD, interval=60_000)
    bob = old.gateway.token("bob", [s for s in BUNDLES["full"] if s != "admin:all"])
    root = old.gateway.token("root", tuple(BUNDLES["full"]))

    assert old.get("/v1/scheduled/list", None, token=bob).json() == "no tasks scheduled right now"
    assert old.get("/v1/scheduled/result", None, token=bob, id=task_id).status_code == 400
    assert len(old.get("/v1/scheduled/list", None, token=root).json()) == 1


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({}, "interval argument missing"),
        ({"interval": 500}, "task argument missing"),
        ({"interval": 1, "task": LOAD}, "interval: 100 to"),
        ({"interval": 500, "task": "/stop"}, "task: there is no such metric"),
        ({"interval": 500, "task": "@host/x?a=b"}, "task: there is no such metric"),
        ({"interval": 500, "task": "/v1/network/status/Bytes?duration=1e9"}, "task: duration"),
        ({"interval": 500, "task": f"{LOAD}?node={'x' * 300}"}, "task: a parameter has more"),
    ],
)
def test_what_cannot_be_a_task_is_refused(old, query, text):
    answer = old.get("/v1/scheduled/schedule", **query)

    assert answer.status_code == 400
    assert answer.json().startswith(text)


def test_a_user_has_a_hundred_tasks_at_most(old):
    with old.gateway.records.session() as session:
        for _ in range(100):
            CompatTaskRepository(session).add(
                CompatTask(
                    subject="alice",
                    audience="",
                    jti="none",
                    path=LOAD,
                    parameters={},
                    interval_ms=600_000,
                    next_time=FAR_FUTURE,
                )
            )

    assert old.get("/v1/scheduled/schedule", interval=600_000, task=LOAD).status_code == 400


def test_a_long_answer_of_a_task_is_found_when_it_is_over(old):
    task_id = schedule(old, "/v1/network/status/Bytes?duration=0.2&interface=eth0", 60_000)

    def results() -> dict[str, str]:
        answer = old.get("/v1/scheduled/result", id=task_id)
        return answer.json()["results"] if answer.status_code == 200 else {}

    assert set(eventually(results, within=10)) == {
        "eth0_received_Bytes/s",
        "eth0_transmitted_Bytes/s",
    }


def test_slow_work_delays_no_other_and_failing_work_ends_none(caplog):
    timetable, done, release = (
        Timetable(SystemClock(), "test"),
        threading.Event(),
        threading.Event(),
    )

    def slow() -> None:
        release.wait(20)

    def failing() -> None:
        raise ValueError("on purpose")

    timetable.start()
    try:
        timetable.after(0, slow)
        timetable.after(0, failing)
        begun = time.monotonic()
        timetable.after(0.05, done.set)

        assert done.wait(10)
        assert time.monotonic() - begun >= 0.05
        assert not release.is_set()
    finally:
        release.set()
        timetable.close()
    assert not timetable.after(0, done.set)
    assert "scheduled work failed" in caplog.text
