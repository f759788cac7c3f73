"""Lists in pages: each item once, in order, whatever changes meanwhile; only our own cursors are taken."""

import base64
import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pilothouse_common.contract.events import (
    Event,
    JobFinished,
    JobNodeStarted,
    JobStarted,
    JobSubmitted,
    NodeReported,
    new_event,
)
from pilothouse_common.contract.scopes import Restriction
from pilothouse_common.errors import Conflict, Malformed
from pilothouse_common.store.records import (
    JOB_SORTS,
    Job,
    JobFilter,
    JobRepository,
    JobSort,
    NodeRepository,
    Records,
    record_events,
)
from sqlalchemy import select
from sqlalchemy.orm import selectinload

T0 = datetime(2026, 11, 20, 12, tzinfo=UTC)
USERS = ("ada", "bob", "eve")


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def some_events() -> list[Event]:
    """Sixty jobs: some pending, some running, several at the same time, some on two clusters."""
    events = []
    for i in range(60):
        own: dict[str, Any] = {"cluster": "big" if i % 4 else "small", "job_id": 100 + i % 50}
        told: dict[str, Any] = {
            **own,
            "user": USERS[i % 3],
            "account": f"account{i % 2}",
            "partition": f"partition{i % 5}",
            "name": ("md_1", "md%2", "Md", "relax", "x" * 300 + str(i))[i % 5],
        }
        begin = at(100 * (i // 2) + (100_000 if i >= 50 else 0))
        if i % 10 == 7:
            events.append(new_event(JobSubmitted(**told, submit_time=begin), source="s"))
            continue
        nodes = [f"n{i % 7}", f"n{7 + i % 3}"]
        events.append(new_event(JobStarted(**told, start_time=begin, nodes=nodes), source="s"))
        if i % 10 != 3:
            end = begin + timedelta(seconds=150 * (1 + i % 4))
            code = int(i % 6 == 0)
            data = JobFinished(**own, end_time=end, start_time=begin, exit_code=code)
            events.append(new_event(data, source="s"))
    return events


@pytest.fixture
def filled(records: Records) -> Records:
    with records.session() as session:
        record_events(session, some_events(), now=at(0))
    return records


def walk(
    records: Records, wanted: JobFilter, sort: JobSort = "-start_time", limit: int = 7
) -> list[Job]:
    found: list[Job] = []
    cursor = None
    for _ in range(100):
        with records.reading() as session:
            page = JobRepository(session).page(wanted, sort=sort, cursor=cursor, limit=limit)
        assert len(page.items) <= limit
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found
        assert len(page.items) == limit
    raise AssertionError("the list does not end")


def everything(records: Records) -> list[Job]:
    found = walk(records, JobFilter(), limit=500)
    assert len(found) == 60
    return found


KEYS: dict[str, Callable[[Job], Any]] = {
    "start_time": lambda job: (job.start_time or job.submit_time, job.id),
    "end_time": lambda job: (job.end_time or datetime.max.replace(tzinfo=UTC), job.id),
    "job_id": lambda job: (job.job_id, job.id),
}


@pytest.mark.parametrize("sort", JOB_SORTS)
def test_pages_hold_every_job_once_in_the_order_asked_for(filled: Records, sort: JobSort) -> None:
    expected = sorted(
        everything(filled), key=KEYS[sort.removeprefix("-")], reverse=sort.startswith("-")
    )

    for limit in (1, 7, 60):
        assert [job.id for job in walk(filled, JobFilter(), sort, limit)] == [
            job.id for job in expected
        ]


FILTERS: dict[str, tuple[JobFilter, Callable[[Job], bool]]] = {
    "cluster": (JobFilter(cluster="small"), lambda j: j.cluster == "small"),
    "user": (JobFilter(users=["ada"]), lambda j: j.user == "ada"),
    "users": (JobFilter(users=["ada", "eve"]), lambda j: j.user != "bob"),
    "account": (JobFilter(accounts=["account1"]), lambda j: j.account == "account1"),
    "partition": (JobFilter(partitions=["partition3"]), lambda j: j.partition == "partition3"),
    "state": (JobFilter(states=["FAILED"]), lambda j: j.state == "FAILED"),
    "states": (
        JobFilter(states=["PENDING", "RUNNING"]),
        lambda j: j.state in ("PENDING", "RUNNING"),
    ),
    "name": (JobFilter(name="md_1"), lambda j: j.name == "md_1"),
    "a name like a pattern": (JobFilter(name="md%"), lambda j: False),
    "a long name": (JobFilter(name="x" * 300 + "4"), lambda j: j.name == "x" * 300 + "4"),
    "beginning": (JobFilter(name="md*"), lambda j: (j.name or "").startswith("md")),
    "a beginning with a mark": (JobFilter(name="md_*"), lambda j: j.name == "md_1"),
    "a long beginning": (
        JobFilter(name="x" * 300 + "4*"),
        lambda j: (j.name or "").startswith("x" * 300 + "4"),
    ),
    "any name": (JobFilter(name="*"), lambda j: True),
    "since": (
        JobFilter(start=at(1000)),
        lambda j: j.end_time is None or j.end_time >= at(1000),
    ),
    "window": (
        JobFilter(start=at(1000), end=at(2000)),
        lambda j: j.listed_time < at(2000) and (j.end_time is None or j.end_time >= at(1000)),
    ),
    "several": (
        JobFilter(users=["ada"], states=["COMPLETED"], cluster="big", name="re*"),
        lambda j: (j.user, j.state, j.cluster, j.name) == ("ada", "COMPLETED", "big", "relax"),
    ),
    "visible": (
        JobFilter(users=["ada", "bob"], visible=Restriction(user="bob", account="account0")),
        lambda j: j.user == "bob" and j.account == "account0",
    ),
    "visible job": (JobFilter(visible=Restriction(job_id=104)), lambda j: j.job_id == 104),
    "nothing": (JobFilter(users=["nobody"]), lambda j: False),
}


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_gives_the_jobs_that_fit(filled: Records, name: str) -> None:
    wanted, fits = FILTERS[name]
    expected = {job.id for job in everything(filled) if fits(job)}

    for sort in JOB_SORTS:
        found = [job.id for job in walk(filled, wanted, sort, limit=3)]
        assert len(found) == len(set(found))
        assert set(found) == expected


def test_a_node_gives_its_jobs_each_once_in_order(filled: Records) -> None:
    with filled.reading() as session:
        hosts = {
            job.id: {allocation.hostname for allocation in job.allocations}
            for job in session.scalars(select(Job).options(selectinload(Job.allocations)))
        }
    expected = [job.id for job in everything(filled) if "n8" in hosts[job.id]]

    found = [job.id for job in walk(filled, JobFilter(node="n8"), limit=2)]

    assert found == expected
    assert len(found) > 10


def test_a_node_of_two_starts_of_a_job_lists_the_job_once(records: Records) -> None:
    own: dict[str, Any] = {"cluster": "c", "job_id": 1}
    events = [
        JobStarted(**own, start_time=at(0), nodes=["n1", "n2"]),
        JobFinished(**own, end_time=at(9), restart_count=1),
        JobStarted(**own, start_time=at(200), nodes=["n1"], restart_count=1),
    ]
    with records.session() as session:
        record_events(session, [new_event(data, source="s") for data in events], now=at(0))

    for node in ("n1", "n2"):
        assert len(walk(records, JobFilter(node=node), limit=1)) == 1


def test_a_job_that_comes_between_two_pages_moves_nothing(filled: Records) -> None:
    before = [job.id for job in everything(filled)]
    with filled.reading() as session:
        first = JobRepository(session).page(JobFilter(), limit=20)
    new = JobStarted(cluster="big", job_id=9999, start_time=at(10_000_000))
    with filled.session() as session:
        record_events(session, [new_event(new, source="s")], now=at(0))

    with filled.reading() as session:
        second = JobRepository(session).page(JobFilter(), limit=20, cursor=first.next_cursor)

    assert [job.id for job in (*first.items, *second.items)] == before[:40]


def _cursor(*values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "äöü",
        "e30",
        "%00",
        "A" * 5000,
        _cursor("jobs -end_time", 0, 1),
        _cursor("jobs -start_time", 0),
        _cursor("jobs -start_time", 0, 1, 2),
        _cursor("jobs -start_time", "a", 1),
        _cursor("jobs -start_time", 10**30, 1),
        _cursor("jobs -start_time", 2**62, 1),
        _cursor("jobs -start_time", 0, 2**70),
        _cursor("jobs -start_time", None, 1),
        _cursor({"jobs": 1}),
        _cursor("tokens", 0, "a\0b"),
    ],
)
def test_a_cursor_that_is_not_of_this_list_is_malformed(filled: Records, cursor: str) -> None:
    with pytest.raises(Malformed, match="cursor"), filled.reading() as session:
        JobRepository(session).page(JobFilter(), cursor=cursor)


def test_a_sort_that_does_not_exist_is_malformed(filled: Records) -> None:
    with pytest.raises(Malformed, match="none of -start_time"), filled.reading() as session:
        JobRepository(session).page(JobFilter(), sort="user")  # type: ignore[arg-type] # what a client may send


def test_one_job_by_its_id_cluster_and_submit_time(records: Records) -> None:
    def told(cluster: str, job_id: int, submit: float, **more: Any) -> list[Event]:
        own: dict[str, Any] = {"cluster": cluster, "job_id": job_id, **more}
        start = JobStarted(**own, submit_time=at(submit), start_time=at(submit + 5))
        end = JobFinished(**own, end_time=at(submit + 10))
        return [new_event(data, source="s") for data in (start, end)]

    events = [
        *told("a", 7, 0, user="ada"),
        *told("a", 7, 86_400, user="bob"),
        *told("b", 7, 50_000, user="eve"),
        *told("a", 12, 0, array_job_id=10, array_task_id=2),
        *told("a", 21, 0, het_job_id=20, het_job_offset=1),
    ]
    with records.session() as session:
        record_events(session, events, now=at(0))

    with records.reading() as session:
        jobs = JobRepository(session)

        def user(reference: int | str, **more: Any) -> str | None:
            found = jobs.get(reference, **more)
            return found.user if found else None

        assert user(7) == "bob"
        assert user("7", cluster="b") == "eve"
        assert user(7, cluster="a", submit_time=at(0)) == "ada"
        assert user(7, visible=Restriction(user="eve")) == "eve"
        assert jobs.get(7, visible=Restriction(user="nobody")) is None
        assert jobs.get(8) is None
        task, component = jobs.get("10_2"), jobs.get("20+1")
        assert task is not None
        assert component is not None
        assert (task.job_id, component.job_id) == (12, 21)
        assert jobs.get("10_3") is None
        for wrong in ("", "a", "7.0", "-7", "7_", "1" * 30, "٣"):
            with pytest.raises(Malformed, match="job id"):
                jobs.get(wrong)


def test_jobs_that_run_on_nodes_and_how_many_there_are(records: Records) -> None:
    events: list[Event] = []
    for job_id, user in ((1, "ada"), (2, "bob")):
        own: dict[str, Any] = {"cluster": "c", "job_id": job_id}
        start = JobStarted(**own, user=user, start_time=at(0), nodes=["n1", f"m{job_id}"])
        on_node = JobNodeStarted(**own, hostname="n1", start_time=at(0))
        events += [new_event(start, source="s"), new_event(on_node, source="s")]
    over = JobFinished(cluster="c", job_id=3, start_time=at(0), end_time=at(9), nodes=["n1"])
    waiting = JobSubmitted(cluster="d", job_id=4, submit_time=at(0))
    events += [new_event(over, source="s"), new_event(waiting, source="s")]
    with records.session() as session:
        record_events(session, events, now=at(0))

    with records.reading() as session:
        jobs = JobRepository(session)
        running = jobs.running_on("c", ["n1", "m2", "m9"])
        own_jobs = jobs.running_on("c", ["n1", "m2"], visible=Restriction(user="ada"))
        assert jobs.running_on("c", []) == {}
        counts = jobs.counts()
        counts_of_one = jobs.counts("d")

    assert running == {"m2": [2], "n1": [1, 2]}
    assert own_jobs == {"n1": [1]}
    assert counts == {"c": {"RUNNING": 2}, "d": {"PENDING": 1}}
    assert counts_of_one == {"d": {"PENDING": 1}}


def test_nodes_come_in_pages_by_name(records: Records) -> None:
    names = [("a", f"n{i}") for i in range(5)] + [("b", "n1"), ("b", "x")]
    events = [
        new_event(NodeReported(cluster=cluster, hostname=name), source="s")
        for cluster, name in reversed(names)
    ]
    with records.session() as session:
        record_events(session, events, now=at(0))

    found = []
    cursor = None
    with records.reading() as session:
        nodes = NodeRepository(session)
        for _ in itertools.count():
            page = nodes.page(cursor=cursor, limit=2)
            found += [(node.cluster, node.hostname) for node in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        with pytest.raises(Conflict, match="a, b"):
            nodes.get("n1")
        one = nodes.get("n1", cluster="b")
        assert nodes.get("y") is None
        assert nodes.counts() == {"a": 5, "b": 2}
        filtered = nodes.page(hostname="n1").items

    assert found == names
    assert one is not None
    assert (one.cluster, one.hostname) == ("b", "n1")
    assert [node.cluster for node in filtered] == ["a", "b"]
