"""Requests that are repeated: run in this process, with the token that scheduled them.

A task belongs to a token and is gone when that is revoked or expires; the token itself is never kept. Each
runs by itself: a slow one delays no other. Tasks outlive the process; of several processes one runs each.
"""

import logging
import math
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from pilothouse_common.errors import Transient, Unauthenticated
from pilothouse_common.runtime.clock import Clock
from pilothouse_common.store.records import CompatTask, CompatTaskRepository
from pilothouse_common.store.records.database import Records

from pilothouse_api.access.caller import Caller
from pilothouse_api.access.tokens import Tokens
from pilothouse_api.compat.jumonc.timetable import Timetable

log = logging.getLogger(__name__)
LEASE = timedelta(seconds=60)
IDLE_SECONDS = 30.0
RETRY_SECONDS = 5.0
SOON_SECONDS = 0.01
_AT_ONCE = 50
Run = Callable[[Caller, str, dict[str, str]], tuple[int, int | None]]
"""Answers a path with parameters; returns the HTTP status and the id of the stored answer."""


class Scheduler:
    """Runs what is due."""

    def __init__(
        self, records: Records, tokens: Tokens, clock: Clock, timetable: Timetable, run: Run
    ) -> None:
        self._records = records
        self._tokens = tokens
        self._clock = clock
        self._timetable = timetable
        self._run = run
        self._lock = threading.Lock()
        self._armed_at = math.inf
        self._is_away = False

    def look_after(self, seconds: float) -> None:
        """See to it that what is due is looked for by then: 0 for a new task, or when it all begins."""
        at = self._clock.monotonic() + seconds
        with self._lock:
            if self._armed_at <= at:
                return
            self._armed_at = at
        self._timetable.after(seconds, partial(self._look, at))

    def _look(self, at: float) -> None:
        with self._lock:
            if self._armed_at == at:
                self._armed_at = math.inf
        seconds = RETRY_SECONDS
        try:
            seconds = self._start_due()
            self._is_away = False
        except Transient as exc:
            if not self._is_away:
                log.warning("tasks wait for the record store", extra={"reason": str(exc)})
            self._is_away = True
        finally:
            self.look_after(seconds)

    def _start_due(self) -> float:
        """Start what is due; return after how many seconds to look again."""
        now = self._clock.now()
        with self._records.reading() as session:
            earliest = CompatTaskRepository(session).next_time()
        if earliest is None:
            return IDLE_SECONDS
        if earliest > now:
            return min((earliest - now).total_seconds(), IDLE_SECONDS)
        with self._records.session() as session:
            tasks = CompatTaskRepository(session)
            due = tasks.claim_due(now, until=now + LEASE, limit=_AT_ONCE)
            session.expunge_all()
        for task in due:
            self._timetable.after(0.0, partial(self._execute, task))
        return SOON_SECONDS

    def _execute(self, task: CompatTask) -> None:
        try:
            caller = self._tokens.caller_of(task.jti)
        except Unauthenticated:
            with self._records.session() as session:
                CompatTaskRepository(session).remove(task.id)
            log.info("a task ended with its token", extra={"task": task.id})
            return
        status, answer_id = self._run(caller, task.path, dict(task.parameters))
        ended = self._clock.now()
        with self._records.session() as session:
            CompatTaskRepository(session).finished(
                task.id,
                at=ended,
                next_time=ended + timedelta(milliseconds=task.interval_ms),
                answer_id=answer_id,
                status=status,
            )
        self.look_after(task.interval_ms / 1000)
