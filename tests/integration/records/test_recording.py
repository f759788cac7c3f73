"""Events become records: each once, under keys that stay, in one order, or not at all."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pilothouse_common.contract.events import (
    Event,
    EventData,
    JobFinished,
    JobNodeFinished,
    JobNodeStarted,
    JobStarted,
    NodeReported,
    new_event,
)
from pilothouse_common.errors import Rejected, StoreUnavailable
from pilothouse_common.store.records import (
    Allocation,
    ClusterRepository,
    EventRepository,
    JobFilter,
    JobRepository,
    NodeRepository,
    Records,
    record_events,
)
from sqlalchemy import select

from tests.support.consistency import assert_whole
from tests.support.process import eventually

T0 = datetime(2026, 11, 20, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def store(records: Records, *events: Event) -> int:
    with records.session() as session:
        return record_events(session, events, now=at(1000))


def told(data: EventData, **more: Any) -> Event:
    return new_event(data, source=more.pop("source", "hook"), **more)


def started(job_id: int = 7, time: float = 0, **more: Any) -> Event:
    return told(JobStarted(cluster="c", job_id=job_id, start_time=at(time), **more))


def finished(job_id: int = 7, time: float = 60, **more: Any) -> Event:
    return told(JobFinished(cluster="c", job_id=job_id, end_time=at(time), **more))


def test_a_start_and_an_end_are_one_job(records: Records) -> None:
    start = started(user="ada", name="first", nodes=["n1", "n2"])
    end = finished(exit_code=3, signal=0)
    prolog = JobNodeStarted(cluster="c", job_id=7, hostname="n2", start_time=at(1), gpu_ids=["0"])

    assert store(records, end, told(prolog), start) == 3

    with records.reading() as session:
        (job,) = JobRepository(session).page(JobFilter()).items
        whole = JobRepository(session).get(7)
        assert whole is not None
        history = EventRepository(session).history(whole)
        clusters = [cluster.name for cluster in ClusterRepository(session).all()]
    assert (job.state, job.exit_code, job.user, job.num_nodes) == ("FAILED", 3, "ada", 2)
    assert (job.start_time, job.end_time) == (at(0), at(60))
    assert [(a.hostname, a.start_time, a.gpu_ids) for a in whole.allocations] == [
        ("n1", at(0), []),
        ("n2", at(1), ["0"]),
    ]
    assert [event.type for event in history] == ["job.started", "job.node_started", "job.finished"]
    assert [(event.hostname, event.user) for event in history] == [
        (None, "ada"),
        ("n2", "ada"),
        (None, "ada"),
    ]
    assert clusters == ["c"]


def test_what_is_told_again_is_not_stored_again(records: Records) -> None:
    start, end = started(), finished()

    assert store(records) == 0
    assert store(records, start, start) == 1
    assert store(records, start, end, end) == 1
    assert store(records, end, start) == 0

    assert assert_whole(records) == 2


def test_the_first_telling_of_an_id_is_kept(records: Records) -> None:
    def telling(name: str) -> Event:
        data = JobStarted(cluster="c", job_id=7, start_time=at(0), name=name)
        return told(data, event_id="1")

    assert store(records, telling("first"), telling("second")) == 1
    assert store(records, telling("third")) == 0

    with records.reading() as session:
        assert [job.name for job in JobRepository(session).page(JobFilter()).items] == ["first"]


def test_one_id_from_two_sources_is_two_events(records: Records) -> None:
    data = JobStarted(cluster="c", job_id=7, start_time=at(0))

    assert store(records, told(data, event_id="1"), told(data, event_id="1", source="watcher")) == 2

    with records.reading() as session:
        assert len(JobRepository(session).page(JobFilter()).items) == 1


def test_jobs_and_allocations_keep_their_keys(records: Records) -> None:
    def keys() -> tuple[list[int], list[int]]:
        with records.reading() as session:
            jobs = [job.id for job in JobRepository(session).page(JobFilter()).items]
            return sorted(jobs), sorted(session.scalars(select(Allocation.id)))

    store(records, started(time=86_400, nodes=["n1", "n2"]))
    before = keys()
    store(records, finished(time=86_460, user="ada", nodes=["n1", "n2"]))
    store(records, told(JobNodeFinished(cluster="c", job_id=7, hostname="n1", end_time=at(86_461))))
    assert keys() == before
    store(records, started(time=0, nodes=["n1"]), finished(time=60))
    after = keys()

    with records.reading() as session:
        jobs = JobRepository(session).page(JobFilter()).items
    assert [(job.ordinal, job.start_time) for job in jobs] == [(1, at(86_400)), (0, at(0))]
    assert jobs[0].id in before[0]
    assert set(before[1]) < set(after[1])


def test_two_jobs_that_turn_out_to_be_one_leave_one_row(records: Records) -> None:
    lonely_end = finished(time=90_000, exit_code=1)
    store(records, started(time=0), finished(time=60))
    store(records, lonely_end)
    with records.reading() as session:
        assert len(JobRepository(session).page(JobFilter()).items) == 2

    store(records, finished(time=60, restart_count=1), started(time=80_000, restart_count=1))

    assert assert_whole(records) == 5
    with records.reading() as session:
        assert len(JobRepository(session).page(JobFilter()).items) == 2


def test_the_user_of_an_event_is_filled_in_when_it_becomes_known(records: Records) -> None:
    epilog = JobNodeFinished(cluster="c", job_id=7, hostname="n1", end_time=at(61))
    store(records, told(epilog), finished())
    with records.reading() as session:
        assert EventRepository(session).after(0, user="ada") == []

    store(records, started(user="ada"))

    with records.reading() as session:
        events = EventRepository(session)
        assert len(events.after(0, user="ada")) == 3
        assert events.after(0, user="bob") == []


def test_events_are_read_on_by_what_they_are_about(records: Records) -> None:
    report = told(NodeReported(cluster="c", hostname="n1"))
    store(records, started(1, user="ada"), started(2, user="bob"), report)

    with records.reading() as session:
        events = EventRepository(session)
        every = events.after(0)
        assert [event.seq for event in every] == sorted(event.seq for event in every)
        assert (events.oldest_seq(), events.newest_seq()) == (every[0].seq, every[-1].seq)
        assert events.after(every[-1].seq) == []
        assert [event.seq for event in events.after(every[0].seq, limit=1)] == [every[1].seq]
        assert [event.job_id for event in events.after(0, types=["job.started"])] == [1, 2]
        assert [event.job_id for event in events.after(0, job_id=2)] == [2]
        assert [event.hostname for event in events.after(0, hostname="n1")] == ["n1"]
        assert events.after(0, cluster="other") == []
        assert {event.job_id for event in events.after(0, user="ada")} == {1, None}


def test_an_empty_store_has_no_events(records: Records) -> None:
    with records.reading() as session:
        events = EventRepository(session)
        assert (events.oldest_seq(), events.newest_seq(), events.after(0)) == (0, 0, [])


def test_an_older_report_never_replaces_a_newer_one(records: Records) -> None:
    new = NodeReported(cluster="c", hostname="n1", cores=8, boot_time=at(-9), kernel="6.1")
    old = NodeReported(cluster="c", hostname="n1", cores=4)

    store(records, told(new, time=at(100)))
    store(records, told(old, time=at(0)))
    store(records, told(old, time=at(50)), told(old, time=at(20)))

    with records.reading() as session:
        node = NodeRepository(session).get("n1")
    assert node is not None
    assert node.hardware == {"cores": 8, "kernel": "6.1"}
    assert (node.reported_time, node.boot_time) == (at(100), at(-9))


def test_a_newer_report_replaces_an_older_one(records: Records) -> None:
    store(records, told(NodeReported(cluster="c", hostname="n1", cores=4), time=at(0)))
    store(records, told(NodeReported(cluster="c", hostname="n1", gpus=2), time=at(9)))

    with records.reading() as session:
        node = NodeRepository(session).get("n1")
    assert node is not None
    assert (node.hardware, node.reported_time) == ({"gpus": 2}, at(9))


@pytest.mark.parametrize(
    "bad",
    [
        started(8, name="a\0b"),
        started(8, nodes=["n\0"]),
        told(JobStarted(cluster="c", job_id=8, start_time=at(0)), event_id="a\0b"),
    ],
)
def test_an_event_that_cannot_be_kept_is_rejected_with_nothing_stored(
    records: Records, bad: Event
) -> None:
    with pytest.raises(Rejected, match="NUL"):
        store(records, started(7), bad)

    assert store(records, started(7)) == 1


def test_a_backslash_is_no_nul(records: Records) -> None:
    name = r"a\u0000b"

    store(records, started(name=name))

    with records.reading() as session:
        assert [job.name for job in JobRepository(session).page(JobFilter(name=name)).items] == [
            name
        ]


def test_a_time_that_no_store_can_hold_is_rejected(records: Records) -> None:
    first = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    event = told(JobStarted(cluster="c", job_id=7, start_time=first))

    with pytest.raises(Rejected):
        store(records, event)


def test_the_longest_texts_that_the_contract_allows_are_kept(records: Records) -> None:
    long = "\U0001f680" * 4096
    name = "\U0001f680" * 255
    event = told(
        JobStarted(
            cluster=name, job_id=2**53, start_time=at(0), name=long, user=name, account=name,
            comment=long, sluid=long, nodes=[name], cpus=2**53,
        ),
        source=name, event_id=name,
    )  # fmt: skip

    store(records, event, told(NodeReported(cluster=name, hostname=name, agent_version=long)))

    with records.reading() as session:
        jobs = JobRepository(session)
        (job,) = jobs.page(JobFilter(name=long, users=[name], accounts=[name], node=name)).items
    assert (job.name, job.cpus, job.job_id) == (long, 2**53, 2**53)
    assert assert_whole(records) == 2


def test_an_id_that_another_jobs_event_has_is_skipped(records: Records) -> None:
    first = told(JobStarted(cluster="c", job_id=7, start_time=at(0)), event_id="same")
    other = told(JobStarted(cluster="c", job_id=8, start_time=at(0)), event_id="same")

    assert (store(records, first), store(records, other)) == (1, 0)

    assert assert_whole(records) == 1


def test_workers_that_get_the_same_events_store_them_once(records: Records) -> None:
    events = [event for i in range(50) for event in (started(i + 1), finished(i + 1))]
    start = threading.Barrier(4)

    def work(turn: int) -> int:
        start.wait(10)
        return store(records, *(events if turn % 2 else reversed(events)))

    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(work, range(4)))

    assert sum(counts) == 100
    assert assert_whole(records) == 100


def test_seq_rises_in_the_order_of_commits(postgres_records: Records) -> None:
    """The later transaction waits for the earlier one's commit before it gets its numbers."""
    records = postgres_records
    store(records, told(NodeReported(cluster="c", hostname="n1")))
    recorded = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        with records.session() as session:
            record_events(session, [started(1)], now=at(0))
            later = pool.submit(_record_other, records, recorded)
            eventually(lambda: _waiting(records), within=5)
            assert not recorded.is_set()
            with records.reading() as reader:
                assert EventRepository(reader).after(0, types=["job.started"]) == []
        later.result(10)

    with records.reading() as reader:
        seen = EventRepository(reader).after(0, types=["job.started"])
    assert [event.job_id for event in seen] == [1, 2]
    assert seen[0].seq < seen[1].seq


def _record_other(records: Records, recorded: threading.Event) -> None:
    with records.session() as session:
        record_events(session, [started(2)], now=at(0))
        recorded.set()


def _waiting(records: Records) -> bool:
    statement = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with records.engine.connect() as connection:
        return bool(connection.exec_driver_sql(statement).scalar_one())


def test_the_other_workers_event_with_the_same_id_is_tried_again(postgres_records: Records) -> None:
    """Two jobs whose events have one id race: the loser must not keep a job without its event."""
    records = postgres_records
    store(records, told(NodeReported(cluster="c", hostname="n1")))
    with ThreadPoolExecutor(1) as pool:
        with records.session() as session:
            record_events(session, [_same_id(1)], now=at(0))
            loser = pool.submit(store, records, _same_id(2))
            eventually(lambda: _waiting(records), within=5)
        with pytest.raises(StoreUnavailable, match="same source and id"):
            loser.result(10)

    assert store(records, _same_id(2)) == 0
    assert assert_whole(records) == 2


def _same_id(job_id: int) -> Event:
    return told(JobStarted(cluster="c", job_id=job_id, start_time=at(0)), event_id="same")


def test_a_store_that_was_read_can_be_written(records: Records) -> None:
    with records.reading() as session:
        EventRepository(session).newest_seq()

    assert store(records, started()) == 1
