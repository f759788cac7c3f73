"""What the events of one job id say: a pure function of their set.

Events come late, twice, in any order and from several sources: slurmctld's hooks, every node's hooks,
a watcher that compares with the scheduler. So records are never edited by an event; they are computed
anew from all events of one (cluster, job id), sorted by when the told things happened.

Rounds (rounds.py, node_rounds.py). A round is one start of a job.

- Starts with the same restart count within SAME seconds are one start, unless they name different
  submissions. The earliest telling counts: hooks tell it a little late, watchers cut it to seconds.
- An end belongs to the round that began last before it (with CUT seconds for cut times); if it names
  its start, to that one. Ends within SAME seconds are one end, and the earliest counts. Slurm has
  already counted the next restart when it tells the end of a requeued round, so an end fits a round of
  its restart count or one less. An end that fits none is of a round whose start is not known (yet).
- A node's start belongs to the round that was going on then, of its restart count (0 may mean that it
  was not told); a node's end to the last round that had begun then and had not ended more than LATE
  before, by preference one on that node. If there is none, the nearest within LATE takes it, else it
  is of a round of which nothing else is known (yet).

Jobs. Ids are used again, and a requeued job keeps its id.

- A round with restart count 0 begins a new job; a higher one than before goes on with the job; the
  same or a lower one is a new job of which the beginning is not known.
- The first round of a job is of the last submission before it, unless it names another submit time.
- A submission begins a new job, unless its job already told this submit time, or its restart count
  says that it is a requeue.
- Each fact is the last one told (name, user, comment…); submit_time is the first.

State (outcome.py).

- PENDING: no round, or the last end (or a later submission) counted one more restart than its round:
  requeued and not started again. start_time and end_time are then empty.
- RUNNING: the last round has no end.
- If the id has been used again since, both must be over, at the latest when the next job began: the
  pending one is CANCELLED (no hook tells that), the running one COMPLETED, with the reason SUPERSEDED.
- A state that an end names wins; PREEMPTED, NODE_FAIL and BOOT_FAIL of a requeued round mean PENDING.
- Else by exit: signal 125 (Slurm's mark of the OOM killer) is OUT_OF_MEMORY, another signal or a
  code is FAILED, nothing is COMPLETED. A hook cannot tell CANCELLED or TIMEOUT; a watcher can.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from pilothouse_common.contract.events import Event, JobEvent, JobSubmitted
from pilothouse_common.store.records.node_rounds import attach
from pilothouse_common.store.records.outcome import JobParts, JobRecord
from pilothouse_common.store.records.rounds import CUT, Round, canonical, gather, time_of


def fold(events: Iterable[Event]) -> list[JobRecord]:
    """Return the jobs that had this id, oldest first.

    Args:
        events: Job and job-node events of one cluster and one job id, in any order, also doubled.
    """
    distinct = {(event.source, event.id): event for event in events}
    ordered = sorted(distinct.values(), key=canonical)
    rounds = gather(ordered)
    attach(rounds, ordered)
    _number(rounds)
    jobs = _jobs(rounds, [event for event in ordered if isinstance(event.data, JobSubmitted)])
    followers = [*jobs[1:], None]
    return [
        job.record(ordinal, follower.place if follower else None)
        for ordinal, (job, follower) in enumerate(zip(jobs, followers, strict=True))
    ]


def _number(rounds: Sequence[Round]) -> None:
    """Settle the restart count of rounds of which only ends told: theirs, or one less."""
    for index, each in enumerate(rounds):
        if each.restart is None:
            following = rounds[index + 1].restart if index + 1 < len(rounds) else None
            taken = following == each.told_restart and each.told_restart > 0
            each.restart = each.told_restart - 1 if taken else each.told_restart


def _jobs(rounds: Sequence[Round], submissions: Sequence[Event]) -> list[JobParts]:
    jobs: list[JobParts] = []
    steps: list[tuple[datetime, int, int, Event | Round]] = [
        *((time_of(event), 0, index, event) for index, event in enumerate(submissions)),
        *((each.place, 1, index, each) for index, each in enumerate(rounds)),
    ]
    for _, _, _, step in sorted(steps, key=lambda step: step[:3]):
        goes_on = _submits(jobs, step) if isinstance(step, Event) else _continues(jobs, step)
        if not goes_on:
            jobs.append(JobParts())
        if isinstance(step, Event):
            jobs[-1].submissions.append(step)
        else:
            jobs[-1].rounds.append(step)
    return jobs


def _continues(jobs: Sequence[JobParts], each: Round) -> bool:
    """Tell whether a round is of the newest job."""
    if not jobs:
        return False
    if not jobs[-1].rounds:
        return bool(each.restart) or _may_be_submitted_at(jobs[-1].submit_times, each)
    before = jobs[-1].rounds[-1].restart
    assert each.restart is not None
    assert before is not None
    return each.restart > before


def _may_be_submitted_at(times: Sequence[datetime], each: Round) -> bool:
    told = (getattr(event.data, "submit_time", None) for event in each.events)
    named = [time for time in told if time is not None]
    return not named or not times or any(abs(a - b) <= CUT for a in named for b in times)


def _submits(jobs: Sequence[JobParts], event: Event) -> bool:
    """Tell whether a submission is of the newest job."""
    assert isinstance(event.data, JobEvent)
    if not jobs:
        return False
    if event.data.restart_count:
        return True
    if event.data.submit_time is None:
        last = jobs[-1].rounds[-1:]
        return not last or last[0].end is None or last[0].end > event.time
    return any(abs(event.data.submit_time - time) <= CUT for time in jobs[-1].submit_times)
