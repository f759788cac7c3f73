"""Which events a change of a job is, and that a watcher that starts anew uses the same ids."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pilothouse_common.contract.events import Event, decode_event, encode_event
from pilothouse_dispatcher.changes import Told, changes
from pilothouse_dispatcher.slurm.job import SlurmJob

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def at(seconds: int) -> datetime:
    return NOON + timedelta(seconds=seconds)


def a_job(**facts: Any) -> SlurmJob:
    fields = dict.fromkeys(SlurmJob.__dataclass_fields__)
    return SlurmJob(
        **{
            **fields, "job_id": 7, "state": "PENDING", "reason": "Priority", "submit_time": at(0),
            "restart_count": 0, "name": "fluid", "user": "ada", **facts,
        }
    )  # fmt: skip


PENDING = a_job()
RUNNING = a_job(state="RUNNING", reason="", start_time=at(10), nodes=["n1", "n2"])
DONE = replace(RUNNING, state="FAILED", reason="NonZeroExitCode", end_time=at(20), exit_code=3)


class Story:
    """Shows one job again and again."""

    def __init__(self, told: Told | None = None) -> None:
        self.told = told
        self.now = NOON

    def sees(self, job: SlurmJob) -> list[Event]:
        self.now += timedelta(seconds=5)
        events, self.told = changes(self.told, job, cluster="alpha", now=self.now)
        return [decode_event(encode_event(event)) for event in events]


def types(events: list[Event]) -> list[str]:
    return [event.type for event in events]


def test_a_job_is_told_from_its_submission_to_its_end():
    story = Story()

    [submitted] = story.sees(PENDING)
    [started] = story.sees(RUNNING)
    [finished] = story.sees(DONE)

    said: Any = submitted.data
    assert (submitted.type, said.reason, said.submit_time) == ("job.submitted", "Priority", at(0))
    assert (said.name, said.user, said.cluster) == ("fluid", "ada", "alpha")
    said = started.data
    assert (started.type, said.start_time, said.nodes) == ("job.started", at(10), ["n1", "n2"])
    said = finished.data
    assert (finished.type, said.state, said.exit_code) == ("job.finished", "FAILED", 3)
    assert (said.start_time, said.end_time) == (at(10), at(20))
    assert finished.source == "/clusters/alpha/watcher"


def test_what_was_told_is_not_told_again():
    story = Story()
    for job in (PENDING, RUNNING, DONE):
        story.sees(job)
        assert story.sees(job) == []


def test_a_job_first_seen_at_its_end_is_told_whole():
    assert types(Story().sees(DONE)) == ["job.submitted", "job.started", "job.finished"]


def test_a_new_watcher_uses_the_same_ids():
    for job in (PENDING, RUNNING, DONE):
        first, second = Story(), Story()
        second.now += timedelta(hours=1)

        ids = [event.id for event in first.sees(job)]

        assert [event.id for event in second.sees(job)] == ids


def test_a_changed_reason_is_told_and_so_is_its_return():
    story = Story()
    [first] = story.sees(PENDING)

    [second] = story.sees(replace(PENDING, reason="Resources"))
    [third] = story.sees(PENDING)

    reasons = [event.data.reason for event in (first, second, third)]  # type: ignore[attr-defined]
    assert reasons == ["Priority", "Resources", "Priority"]
    assert len({first.id, second.id, third.id}) == 3


def test_a_job_cancelled_while_pending_ends_without_a_start():
    story = Story()
    story.sees(PENDING)

    [finished] = story.sees(a_job(state="CANCELLED", reason="", end_time=at(9)))

    said: Any = finished.data
    assert (said.state, said.start_time, said.end_time) == ("CANCELLED", None, at(9))


def test_a_hidden_state_is_waited_for():
    story = Story()
    story.sees(RUNNING)

    assert story.sees(replace(RUNNING, state="")) == []
    assert types(story.sees(DONE)) == ["job.finished"]


def test_a_requeued_job_ends_waits_and_starts_again():
    story = Story()
    story.sees(RUNNING)

    ended, waits = story.sees(a_job(reason="BeginTime", restart_count=1, submit_time=at(15)))
    [started] = story.sees(replace(RUNNING, restart_count=1, start_time=at(140)))

    said: Any = ended.data
    assert (ended.type, said.restart_count, said.start_time, said.state) == (
        "job.finished", 1, at(10), None,
    )  # fmt: skip
    said = waits.data
    assert (waits.type, said.reason, said.restart_count) == ("job.submitted", "BeginTime", 1)
    said = started.data
    assert (started.type, said.restart_count, said.start_time) == ("job.started", 1, at(140))


def test_a_requeue_and_second_start_between_two_looks_are_both_told():
    story = Story()
    story.sees(RUNNING)

    events = story.sees(replace(RUNNING, restart_count=1, start_time=at(140)))

    assert types(events) == ["job.finished", "job.started"]


def test_a_requeue_of_a_job_that_ended_starts_anew():
    story = Story()
    story.sees(DONE)

    events = story.sees(replace(RUNNING, restart_count=1, start_time=at(140)))

    assert types(events) == ["job.started"]


def test_a_job_id_that_is_used_again_is_a_new_job():
    story = Story()
    story.sees(DONE)

    events = story.sees(replace(DONE, submit_time=at(90), start_time=at(91), end_time=at(95)))

    assert types(events) == ["job.submitted", "job.started", "job.finished"]
