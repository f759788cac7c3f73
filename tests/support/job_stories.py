"""Jobs as they could have been, the events that tell of them, and what should be recorded of them.

The generator knows the truth: it never reads events to say what is expected.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pilothouse_common.contract.events import (
    Event,
    EventData,
    JobFinished,
    JobNodeFinished,
    JobNodeStarted,
    JobStarted,
    JobSubmitted,
)

CLUSTER = "lab"
T0 = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass
class Start:
    """One start of a job: what its sources told, and so what is to be recorded."""

    restart: int
    begin: datetime
    end: datetime | None
    nodes: list[str]
    told_begin: list[datetime] = field(default_factory=list)
    told_end: list[datetime] = field(default_factory=list)
    node_begin: dict[str, datetime] = field(default_factory=dict)
    node_end: dict[str, datetime] = field(default_factory=dict)
    gpu_ids: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Expected:
    """What the record store has to say of one job."""

    values: dict[str, Any]
    allocations: set[tuple[str, int, datetime, datetime | None, tuple[str, ...]]]
    event_ids: set[str]


@dataclass
class Story:
    """All jobs of one job id, oldest first, and all events of them."""

    job_id: int
    expected: list[Expected] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


def tell_stories(rng: random.Random, jobs: int) -> list[Story]:
    """Return stories of so many jobs; some of the ids are used twice."""
    stories: list[Story] = []
    told = 0
    while told < jobs:
        story = tell_story(rng, 1000 + len(stories))
        stories.append(story)
        told += len(story.expected)
    return stories


def tell_story(rng: random.Random, job_id: int) -> Story:
    """Return the story of one job id."""
    story = Story(job_id)
    time = T0 + timedelta(seconds=rng.uniform(0, 1e6))
    jobs = rng.choice((1, 1, 1, 1, 2))
    for number in range(jobs):
        teller = _Teller(rng, story, time)
        time = teller.tell(newest=number == jobs - 1) + timedelta(seconds=rng.uniform(600, 1e6))
    return story


def _cut(time: datetime) -> datetime:
    return time.replace(microsecond=0)


class _Teller:
    """Lives one job through and tells of it as hooks of old or new Slurm and a watcher would."""

    def __init__(self, rng: random.Random, story: Story, submit: datetime) -> None:
        self._rng = rng
        self._story = story
        self._submit = submit
        self._ids: set[str] = set()
        self._hook_knows_times = rng.random() < 0.5
        self._watched = rng.random() < 0.4
        self._facts: dict[str, Any] = {
            "name": rng.choice(("relax", "md", "großer Lauf", "a*b")),
            "user": rng.choice(("ada", "bob", "eve")),
            "uid": rng.randrange(1000, 1010),
            "account": rng.choice(("physics", "chem")),
            "partition": rng.choice(("short", "long")),
            "cpus": rng.randrange(1, 512),
        }
        kind = rng.random()
        if kind < 0.2:
            self._facts |= {"array_job_id": story.job_id - 1, "array_task_id": rng.randrange(100)}
        elif kind < 0.3:
            self._facts |= {"het_job_id": story.job_id - 1, "het_job_offset": rng.randrange(4)}

    def tell(self, *, newest: bool) -> datetime:
        """Live the job through; return when it was over. Only the newest may still be going on."""
        rng = self._rng
        if self._watched:
            data = JobSubmitted(
                **self._of_job(0), submit_time=_cut(self._submit), reason="Priority"
            )
            self._say("watcher", data)
        last_restart = rng.choice((0, 0, 0, 1, 2))
        time = self._submit + timedelta(seconds=rng.uniform(1, 5000))
        starts: list[Start] = []
        requeued = [True] * last_restart + [newest and rng.random() < 0.1]
        for restart, again in enumerate(requeued):
            over = again or rng.random() < 0.85 or not newest
            start = self._run(restart, time, over=over)
            starts.append(start)
            if over:
                assert start.end is not None
                exit_code, signal = rng.choice(((0, None), (3, None), (0, 9), (0, 125)))
                told_state = self._finish(start, again, exit_code, signal)
                time = start.end + timedelta(seconds=rng.uniform(5, 10_000))
        self._expect(
            starts,
            again,
            over,
            exit_code if over else 0,
            signal if over else None,
            told_state if over else None,
        )
        return time

    def _run(self, restart: int, begin: datetime, *, over: bool) -> Start:
        rng = self._rng
        nodes = sorted(rng.sample([f"n{i:02}" for i in range(24)], rng.randrange(1, 9)))
        length = rng.choice((0.2, 3, 600, 50_000)) * rng.uniform(0.5, 1)
        start = Start(restart, begin, begin + timedelta(seconds=length) if over else None, nodes)
        told = (
            _cut(begin) if self._hook_knows_times else begin + timedelta(seconds=rng.uniform(0, 2))
        )
        start.told_begin.append(told)
        self._say("ctld", JobStarted(**self._of_job(restart), nodes=nodes, start_time=told))
        if self._watched and rng.random() < 0.7:
            start.told_begin.append(_cut(begin))
            self._say(
                "watcher",
                JobStarted(
                    **self._of_job(restart), start_time=_cut(begin), submit_time=_cut(self._submit)
                ),
            )
        for node in nodes:
            at = begin + timedelta(seconds=rng.uniform(0, 0.1))
            start.node_begin[node] = at
            gpu_ids = rng.choice((["0"], ["0", "3"]))
            start.gpu_ids[node] = gpu_ids
            self._say(
                node,
                JobNodeStarted(**self._of_node(restart, node), start_time=at, gpu_ids=gpu_ids),
            )
        return start

    def _finish(self, start: Start, again: bool, exit_code: int, signal: int | None) -> str | None:
        rng = self._rng
        assert start.end is not None
        counted = start.restart + again
        told = (
            _cut(start.end)
            if self._hook_knows_times
            else start.end + timedelta(seconds=rng.uniform(0, 2))
        )
        told = max(told, start.told_begin[0])
        start.told_end.append(told)
        self._say(
            "ctld",
            JobFinished(
                **self._of_job(counted),
                start_time=start.told_begin[0] if self._hook_knows_times else None,
                end_time=told,
                exit_code=exit_code,
                signal=signal,
            ),
        )
        for node in start.nodes:
            at = start.end + timedelta(seconds=rng.choice((0.2, 4)))
            start.node_end[node] = at
            self._say(node, JobNodeFinished(**self._of_node(counted, node), end_time=at))
        if not (self._watched and rng.random() < 0.5):
            return None
        state = None if again else rng.choice(("CANCELLED", "TIMEOUT"))
        start.told_end.append(_cut(start.end))
        start.told_begin.append(_cut(start.begin))
        self._say(
            "watcher",
            JobFinished(
                **self._of_job(counted),
                start_time=_cut(start.begin),
                submit_time=_cut(self._submit),
                end_time=_cut(start.end),
                state=state,
            ),
        )
        return state

    def _expect(
        self,
        starts: list[Start],
        waiting: bool,
        over: bool,
        exit_code: int,
        signal: int | None,
        state: str | None,
    ) -> None:
        last = starts[-1]
        by_exit = (
            "OUT_OF_MEMORY" if signal == 125 else "FAILED" if exit_code or signal else "COMPLETED"
        )
        if waiting:
            state = "PENDING"
        elif not over:
            state = "RUNNING"
        begin = min(last.told_begin)
        ended = over and not waiting
        end = max(min(last.told_end), begin) if ended else None
        values: dict[str, Any] = {
            **self._facts,
            "state": state or by_exit,
            "reason": "Priority" if waiting and self._watched else None,
            "start_time": None if waiting else begin,
            "end_time": end,
            "exit_code": exit_code if ended else None,
            "signal": signal if ended else None,
            "restart_count": last.restart + waiting,
            "num_nodes": len(last.nodes),
            "gpus": sum(len(last.gpu_ids[node]) for node in last.nodes),
            "submit_time": _cut(self._submit) if self._submit_told else None,
        }
        allocations = {
            (
                node,
                start.restart,
                start.node_begin[node],
                start.node_end.get(node),
                tuple(start.gpu_ids[node]),
            )
            for start in starts
            for node in start.nodes
        }
        self._story.expected.append(Expected(values, allocations, self._ids))

    @property
    def _submit_told(self) -> bool:
        return self._watched

    def _of_job(self, restart: int) -> dict[str, Any]:
        return {
            "cluster": CLUSTER,
            "job_id": self._story.job_id,
            "restart_count": restart,
            **self._facts,
        }

    def _of_node(self, restart: int, node: str) -> dict[str, Any]:
        own = {"cluster": CLUSTER, "job_id": self._story.job_id, "restart_count": restart}
        return {**own, "hostname": node, "user": self._facts["user"]}

    def _say(self, source: str, data: EventData) -> None:
        number = len(self._story.events)
        event_id = f"{self._story.job_id}/{number}"
        self._ids.add(event_id)
        told = T0 + timedelta(days=30, seconds=number)
        self._story.events.append(Event(id=event_id, source=source, time=told, data=data))


def starts_after_ends(rng: random.Random, events: list[Event]) -> list[Event]:
    """Return the events shuffled and doubled, a third of the starts after everything else."""
    doubled = [*events, *events]
    rng.shuffle(doubled)
    starts = (JobStarted, JobNodeStarted)
    late = {e.id for e in doubled if isinstance(e.data, starts) and rng.random() < 1 / 3}
    return [e for e in doubled if e.id not in late] + [e for e in doubled if e.id in late]


def batches(rng: random.Random, events: list[Event], largest: int) -> Iterator[list[Event]]:
    """Cut events into batches of random sizes."""
    index = 0
    while index < len(events):
        size = rng.randint(1, largest)
        yield events[index : index + size]
        index += size
