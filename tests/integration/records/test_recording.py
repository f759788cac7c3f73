"""Events become records: each once, whatever the store."""

from datetime import UTC, datetime, timedelta

from pilothouse_common.contract.events import (
    JobFinished,
    JobNodeStarted,
    JobStarted,
    NodeReported,
    new_event,
)
from pilothouse_common.store.records import (
    EventRepository,
    JobFilter,
    JobRepository,
    NodeRepository,
    Records,
    record_events,
)

T0 = datetime(2026, 11, 20, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def test_a_start_and_an_end_are_one_job(records: Records) -> None:
    start = JobStarted(
        cluster="c", job_id=7, start_time=at(0), user="ada", name="first", nodes=["n1", "n2"]
    )
    end = JobFinished(cluster="c", job_id=7, end_time=at(60), exit_code=3, signal=0)
    on_node = JobNodeStarted(cluster="c", job_id=7, hostname="n2", start_time=at(1), gpu_ids=["0"])
    events = [new_event(data, source="hook") for data in (end, on_node, start)]

    with records.session() as session:
        first = record_events(session, events, now=at(61))
    with records.session() as session:
        second = record_events(session, events, now=at(62))

    assert (first, second) == (3, 0)
    with records.reading() as session:
        (job,) = JobRepository(session).page(JobFilter()).items
        whole = JobRepository(session).get(7)
        assert whole is not None
        history = EventRepository(session).history(whole)
        seqs = [event.seq for event in EventRepository(session).after(0)]
    assert (job.state, job.exit_code, job.user, job.num_nodes) == ("FAILED", 3, "ada", 2)
    assert (job.start_time, job.end_time) == (at(0), at(60))
    assert [(a.hostname, a.start_time, a.gpu_ids) for a in whole.allocations] == [
        ("n1", at(0), []),
        ("n2", at(1), ["0"]),
    ]
    assert [event.type for event in history] == [
        "job.started",
        "job.node_started",
        "job.finished",
    ]
    assert {event.user for event in history} == {"ada"}
    assert seqs == sorted(seqs)


def test_an_older_report_never_replaces_a_newer_one(records: Records) -> None:
    new = new_event(NodeReported(cluster="c", hostname="n1", cores=8), source="agent", time=at(100))
    old = new_event(NodeReported(cluster="c", hostname="n1", cores=4), source="agent", time=at(0))

    for event in (new, old):
        with records.session() as session:
            record_events(session, [event], now=at(101))

    with records.reading() as session:
        node = NodeRepository(session).get("n1")
    assert node is not None
    assert (node.hardware["cores"], node.reported_time) == (8, at(100))


def test_a_store_that_was_read_can_be_written(records: Records) -> None:
    with records.reading() as session:
        EventRepository(session).newest_seq()

    with records.session() as session:
        start = JobStarted(cluster="c", job_id=8, start_time=at(0))
        stored = record_events(session, [new_event(start, source="hook")], now=at(1))

    assert stored == 1
