"""Stored answers and repeated tasks, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from pilothouse_common.store.records import (
    AnswerFilter,
    CompatAnswer,
    CompatAnswerRepository,
    CompatTask,
    CompatTaskRepository,
    Records,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ANYBODYS = AnswerFilter(subject=None, audience=None)


def an_answer(
    subject="alice", path="/v1/cpu/status/load", *, audience="", time=NOW
) -> CompatAnswer:
    return CompatAnswer(
        subject=subject, audience=audience, path=path, time=time, parameters={}, results={"x": "1"}
    )


def a_task(next_time: datetime = NOW) -> CompatTask:
    return CompatTask(
        subject="alice",
        audience="",
        jti="j",
        path="/v1/cpu/status/load",
        parameters={"node": "n1"},
        interval_ms=500,
        next_time=next_time,
    )


def test_answers_come_newest_first_by_subject_audience_and_path(records: Records) -> None:
    answers = [
        an_answer(),
        an_answer(audience="narrow"),
        an_answer("bob"),
        an_answer(path="/v1/main_memory/status/free"),
        an_answer(path="/v1/mainXmemory/status/free"),
    ]
    with records.session() as session:
        CompatAnswerRepository(session).add(answers)

    with records.reading() as session:
        repository = CompatAnswerRepository(session)
        alices = AnswerFilter(subject="alice", audience="")
        literal = AnswerFilter(subject=None, audience=None, path="%MAIN\\_memory%")

        assert [a.id for a in repository.page(alices, offset=0, limit=2)] == [
            answers[4].id,
            answers[3].id,
        ]
        assert repository.count(alices) == 3
        assert [a.id for a in repository.page(literal, offset=0, limit=9)] == [answers[3].id]
        assert repository.get(answers[2].id, alices) is None
        assert repository.get(answers[1].id, alices) is None
        assert repository.count(ANYBODYS) == 5


def test_an_answer_is_completed_later(records: Records) -> None:
    answer = an_answer()
    with records.session() as session:
        CompatAnswerRepository(session).add([answer])
    with records.session() as session:
        CompatAnswerRepository(session).complete(answer.id, {"lo_received_Bytes/s": "1.00"})

    with records.reading() as session:
        found = CompatAnswerRepository(session).get(answer.id, ANYBODYS)
        assert found is not None
        assert found.results == {"lo_received_Bytes/s": "1.00"}
        assert found.time == NOW


def test_pruning_keeps_the_newest_of_a_subject_and_nothing_old(records: Records) -> None:
    with records.session() as session:
        repository = CompatAnswerRepository(session)
        repository.add(
            [an_answer(time=NOW - 60 * MINUTE), an_answer("bob", time=NOW - 60 * MINUTE)]
        )
        repository.add([an_answer() for _ in range(5)] + [an_answer("bob")])

        gone = repository.prune("alice", keep=3, before=NOW - 30 * MINUTE)

        assert gone == 4  # alice's three oldest, and bob's old one
        assert repository.count(AnswerFilter(subject="alice", audience="")) == 3
        assert repository.count(AnswerFilter(subject="bob", audience="")) == 1


def test_an_id_is_not_used_again(records: Records) -> None:
    with records.session() as session:
        repository = CompatAnswerRepository(session)
        first = an_answer()
        repository.add([first])
        repository.prune("alice", keep=1, before=NOW + MINUTE)
        second = an_answer()
        repository.add([second])

        assert second.id > first.id


def test_each_due_task_is_claimed_once_by_whoever_asks_at_once(records: Records) -> None:
    with records.session() as session:
        tasks = CompatTaskRepository(session)
        due = {tasks.add(a_task()) for _ in range(10)}
        later = tasks.add(a_task(NOW + MINUTE))

    def claim(_: int) -> list[int]:
        with records.session() as session:
            claimed = CompatTaskRepository(session).claim_due(NOW, until=NOW + MINUTE, limit=7)
            return [task.id for task in claimed]

    with ThreadPoolExecutor(4) as pool:
        claims = [task_id for ids in pool.map(claim, range(8)) for task_id in ids]

    assert sorted(claims) == sorted(due)
    assert later not in claims


def test_a_claim_ends_when_who_made_it_is_gone(records: Records) -> None:
    with records.session() as session:
        tasks = CompatTaskRepository(session)
        tasks.add(a_task())
        tasks.claim_due(NOW, until=NOW + MINUTE, limit=5)

        assert tasks.next_time() == NOW + MINUTE
        assert tasks.claim_due(NOW, until=NOW + 2 * MINUTE, limit=5) == []
        assert len(tasks.claim_due(NOW + MINUTE, until=NOW + 2 * MINUTE, limit=5)) == 1


def test_a_finished_task_is_due_again_and_a_removed_one_never(records: Records) -> None:
    with records.session() as session:
        tasks = CompatTaskRepository(session)
        task_id = tasks.add(a_task())
        tasks.claim_due(NOW, until=NOW + MINUTE, limit=5)
        tasks.finished(task_id, at=NOW, next_time=NOW + MINUTE / 2, answer_id=7, status=200)
        session.expire_all()
        task = tasks.get(task_id, ANYBODYS)

        assert task is not None
        assert (task.last_answer_id, task.http_status, task.last_time) == (7, 200, NOW)
        assert [t.id for t in tasks.page(ANYBODYS, limit=5)] == [task_id]
        assert tasks.count("alice") == 1

        tasks.remove(task_id)

        assert tasks.next_time() is None
