"""Last step of the fold: what is recorded of one job. The rules are in fold.py."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pilothouse_common.contract.events import (
    Event,
    JobEvent,
    JobFinished,
    JobNodeEvent,
    JobSubmitted,
)
from pilothouse_common.store.records.models import FAR_FUTURE, NAME_KEY_LENGTH
from pilothouse_common.store.records.rounds import Round, canonical, time_of

SUPERSEDED = "its end was never told; the job id was used again"
OUT_OF_MEMORY_SIGNAL = 125
_REQUEUING = ("PENDING", "PREEMPTED", "NODE_FAIL", "BOOT_FAIL")
_FACTS = (
    "sluid", "name", "user", "uid", "group", "gid", "account", "partition", "qos", "num_nodes", "cpus",
    "gpus", "time_limit_seconds", "array_job_id", "array_task_id", "het_job_id", "het_job_offset",
    "comment", "work_dir",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AllocationRecord:
    """One node of one round."""

    hostname: str
    restart: int
    start_time: datetime | None
    end_time: datetime | None
    gpu_ids: tuple[str, ...]
    listed: bool


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One job: the columns of ``jobs`` but its key, its allocations, its events in their order."""

    values: dict[str, Any]
    allocations: tuple[AllocationRecord, ...]
    events: tuple[Event, ...]


class JobParts:
    """What the fold found to be of one job: its submissions and rounds, in their order."""

    def __init__(self) -> None:
        self.rounds: list[Round] = []
        self.submissions: list[Event] = []

    @property
    def place(self) -> datetime:
        """When it begins, by what was told."""
        places = [each.place for each in self.rounds[:1]]
        return min([*places, *(time_of(event) for event in self.submissions)])

    @property
    def _submitted(self) -> list[JobSubmitted]:
        return [event.data for event in self.submissions if isinstance(event.data, JobSubmitted)]

    @property
    def events(self) -> list[Event]:
        """All that was told of it, in canonical order."""
        every = [*self.submissions, *(event for each in self.rounds for event in each.events)]
        return sorted(every, key=canonical)

    @property
    def submit_times(self) -> list[datetime]:
        """The submit times that were told."""
        times = (getattr(event.data, "submit_time", None) for event in self.events)
        return sorted(time for time in times if time is not None)

    def record(self, ordinal: int, follower: datetime | None) -> JobRecord:
        """Return what is recorded; ``follower`` is when the next job of this id began."""
        events = self.events
        first = events[0]
        values: dict[str, Any] = {
            "cluster": first.data.cluster,
            "job_id": first.data.job_id,  # type: ignore[attr-defined] # every event here is of a job
            "ordinal": ordinal,
            "submit_time": min(self.submit_times, default=None),
            **self._facts(events),
            **self._outcome(follower),
        }
        allocations = self._allocations(follower)
        self._count_nodes(values, allocations)
        values["listed_time"] = values["start_time"] or values["submit_time"] or time_of(first)
        values["listed_end_time"] = values["end_time"] or FAR_FUTURE
        values["name_key"] = values["name"][:NAME_KEY_LENGTH] if values["name"] else values["name"]
        return JobRecord(values, allocations, tuple(events))

    def _facts(self, events: list[Event]) -> dict[str, Any]:
        facts: dict[str, Any] = dict.fromkeys(_FACTS)
        on_nodes = [event for event in events if isinstance(event.data, JobNodeEvent)]
        of_job = [event for event in events if isinstance(event.data, JobEvent)]
        for event in [*on_nodes, *of_job]:
            for name in _FACTS:
                value = getattr(event.data, name, None)
                if value is not None:
                    facts[name] = value
        return facts

    def _outcome(self, follower: datetime | None) -> dict[str, Any]:
        outcome: dict[str, Any] = {
            "state": "PENDING",
            "reason": next(
                (s.reason for s in reversed(self._submitted) if s.reason is not None), None
            ),
            "start_time": None,
            "end_time": None,
            "exit_code": None,
            "signal": None,
            "derived_exit_code": None,
            "restart_count": max((s.restart_count for s in self._submitted), default=0),
        }
        if follower is not None:
            outcome.update(state="CANCELLED", reason=SUPERSEDED, end_time=follower)
        if not self.rounds:
            return outcome
        last = self.rounds[-1]
        ends = [
            e.data for e in sorted(last.events, key=canonical) if isinstance(e.data, JobFinished)
        ]
        assert last.restart is not None
        counted = max([last.restart, *(end.restart_count for end in ends)])
        outcome["restart_count"] = max(counted, outcome["restart_count"])
        told = next((end.state for end in reversed(ends) if end.state), None)
        resubmitted = any(s.restart_count > last.restart for s in self._submitted)
        if resubmitted or (ends and _is_requeue(counted > last.restart, told)):
            return outcome
        outcome["start_time"] = last.begin
        if not ends:
            outcome["state"] = "RUNNING" if follower is None else "COMPLETED"
            outcome["reason"] = None if follower is None else SUPERSEDED
            return outcome
        outcome["reason"] = None
        outcome["restart_count"] = max(last.restart, outcome["restart_count"])
        for name in ("exit_code", "signal", "derived_exit_code"):
            outcome[name] = next(
                (v for end in reversed(ends) if (v := getattr(end, name)) is not None), None
            )
        outcome["state"] = told or state_of_exit(outcome["exit_code"], outcome["signal"])
        assert last.end is not None
        outcome["end_time"] = max(last.end, last.begin or last.end)
        return outcome

    def _allocations(self, follower: datetime | None) -> tuple[AllocationRecord, ...]:
        made: dict[tuple[int, str], AllocationRecord] = {}
        last_on: dict[str, int] = {}
        bounds = [*(each.place for each in self.rounds[1:]), follower]
        for each, bound in zip(self.rounds, bounds, strict=False):
            gpu_ids = _gpu_ids(each)
            extra = sorted({*each.node_starts, *each.node_ends} - set(each.told_nodes))
            for hostname in [*each.told_nodes, *extra]:
                assert each.restart is not None
                made[each.restart, hostname] = _allocation(each, hostname, bound, gpu_ids)
                last_on[hostname] = each.restart
        return tuple(
            AllocationRecord(
                a.hostname,
                a.restart,
                a.start_time,
                a.end_time,
                a.gpu_ids,
                last_on[a.hostname] == a.restart,
            )
            for a in made.values()
        )

    def _count_nodes(
        self, values: dict[str, Any], allocations: tuple[AllocationRecord, ...]
    ) -> None:
        last = self.rounds[-1].restart if self.rounds else None
        latest = [a for a in allocations if a.restart == last]
        if values["num_nodes"] is None and latest:
            values["num_nodes"] = len(latest)
        if values["gpus"] is None and any(a.gpu_ids for a in latest):
            values["gpus"] = sum(len(a.gpu_ids) for a in latest)


def state_of_exit(exit_code: int | None, signal: int | None) -> str:
    """Return the state that an exit shows by itself."""
    if signal == OUT_OF_MEMORY_SIGNAL:
        return "OUT_OF_MEMORY"
    return "FAILED" if exit_code or signal else "COMPLETED"


def _is_requeue(counted_more: bool, told: str | None) -> bool:
    return told == "PENDING" or (counted_more and (told is None or told in _REQUEUING))


def _allocation(
    each: Round, hostname: str, bound: datetime | None, gpu_ids: dict[str, tuple[str, ...]]
) -> AllocationRecord:
    start = each.node_starts.get(hostname, each.begin)
    end = each.node_ends.get(hostname) or each.end or bound
    return AllocationRecord(
        hostname=hostname,
        restart=each.restart or 0,
        start_time=start,
        end_time=max(end, start) if end and start else end,
        gpu_ids=gpu_ids.get(hostname, ()),
        listed=True,
    )


def _gpu_ids(each: Round) -> dict[str, tuple[str, ...]]:
    told = (event.data for event in sorted(each.events, key=canonical))
    return {
        data.hostname: tuple(data.gpu_ids)
        for data in told
        if isinstance(data, JobNodeEvent) and data.gpu_ids is not None
    }
