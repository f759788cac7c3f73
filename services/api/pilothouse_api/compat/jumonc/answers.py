"""Stored answers: every answer of a metric is kept for a while, as JuMonC does.

Answers whose id nobody was told are written together a moment later: a request does not wait for the
disk. A process that is killed loses those of that moment.
"""

import hashlib
import logging
import threading
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
from pilothouse_common.contract.scopes import Restriction
from pilothouse_common.errors import Transient
from pilothouse_common.runtime.clock import Clock
from pilothouse_common.store.records import AnswerFilter, CompatAnswer, CompatAnswerRepository
from pilothouse_common.store.records.database import Records

from pilothouse_api.access.caller import Caller
from pilothouse_api.compat.jumonc.options import JumoncOptions

log = logging.getLogger(__name__)
KEPT_FOR = timedelta(days=7)
KEPT_PER_SUBJECT = 10_000
_MAX_WAITING = 5_000
PRUNE_EVERY = 500
WRITE_AFTER_SECONDS = 0.5
RETRY_SECONDS = 5.0
Draft = dict[str, Any]
"""Columns of an answer that has no row yet."""


class Answers:
    """Keeps and finds answers. Safe to use from several threads.

    Args:
        records: Where they are kept.
        clock: The time.
        options: Whether all callers share them.
        later: Has work done after some seconds.
        kept: How many of a subject; a few hundred more until they are counted again.
    """

    def __init__(
        self,
        records: Records,
        clock: Clock,
        options: JumoncOptions,
        *,
        later: Callable[[float, Callable[[], None]], object],
        kept: int = KEPT_PER_SUBJECT,
    ) -> None:
        self._records = records
        self._clock = clock
        self._shared = options.one_allocation
        self._kept = kept
        self._later = later
        self._is_away = False
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._waiting: deque[Draft] = deque(maxlen=_MAX_WAITING)
        self._written: dict[str, int] = {}

    def note(
        self, caller: Caller, path: str, parameters: dict[str, str], results: dict[str, str]
    ) -> None:
        """Keep an answer soon; when the store is away for long the oldest are forgotten."""
        with self._lock:
            first = not self._waiting
            self._waiting.append(self._draft(caller, path, parameters, results))
        if first:
            self._later(WRITE_AFTER_SECONDS, self.flush_later)

    def keep(
        self, caller: Caller, path: str, parameters: dict[str, str], results: dict[str, str]
    ) -> int:
        """Keep an answer now; return its id.

        Raises:
            StoreUnavailable: The record store is away.
        """
        return self._write([self._draft(caller, path, parameters, results)])[0].id

    def complete(self, answer_id: int, results: dict[str, str]) -> None:
        """Put in the results of an answer that took its time."""
        with self._records.session() as session:
            CompatAnswerRepository(session).complete(answer_id, results)

    def flush(self) -> None:
        """Write what waits.

        Raises:
            StoreUnavailable: The record store is away; it waits on.
        """
        self._write([])

    def flush_later(self) -> None:
        """Write what waits; a store that is away is said once and tried again."""
        try:
            self.flush()
        except Transient as exc:
            if not self._is_away:
                log.warning("answers wait for the record store", extra={"reason": str(exc)})
            self._is_away = True
            self._later(RETRY_SECONDS, self.flush_later)
        else:
            self._is_away = False

    def seen_by(self, caller: Caller, path: str | None = None) -> AnswerFilter:
        """Return the filter of what a caller may see, of paths that hold a pattern of ``*`` and ``?``."""
        wide = caller.restriction == Restriction()
        everybody = self._shared or caller.sees_all
        return AnswerFilter(
            subject=None if everybody else caller.subject,
            audience=None if wide or self._shared else audience_of(caller),
            path=None if path is None else like_of(path),
        )

    def _draft(
        self, caller: Caller, path: str, parameters: dict[str, str], results: dict[str, str]
    ) -> Draft:
        return {
            "subject": caller.subject,
            "audience": audience_of(caller),
            "path": path[:255],
            "time": self._clock.now(),
            "parameters": parameters,
            "results": results,
        }

    def _write(self, now: list[Draft]) -> list[CompatAnswer]:
        with self._writing:
            with self._lock:
                waited = list(self._waiting)
                self._waiting.clear()
            rows = [CompatAnswer(**draft) for draft in waited + now]
            if not rows:
                return []
            try:
                with self._records.session() as session:
                    repository = CompatAnswerRepository(session)
                    repository.add(rows)
                    self._prune(repository, rows)
            except Transient:
                with self._lock:  # not those of ``now``: who asked for them is told and asks again
                    self._waiting.extendleft(reversed(waited))
                raise
            return rows[len(waited) :]

    def _prune(self, repository: CompatAnswerRepository, batch: list[CompatAnswer]) -> None:
        for answer in batch:
            self._written[answer.subject] = self._written.get(answer.subject, 0) + 1
        for subject in [s for s, n in self._written.items() if n >= PRUNE_EVERY]:
            before = self._clock.now() - KEPT_FOR
            repository.prune(subject, keep=self._kept, before=before)
            del self._written[subject]


def audience_of(caller: Caller) -> str:
    """Return a digest of a caller's restriction, empty without one."""
    restriction = msgspec.json.encode(caller.restriction)
    return "" if restriction == b"{}" else hashlib.sha256(restriction).hexdigest()


def like_of(path: str) -> str:
    """Return JuMonC's pattern as SQL's: ``*`` any characters, ``?`` one; all others are themselves."""
    special = {"*": "%", "?": "_", "%": "\\%", "_": "\\_", "\\": "\\\\"}
    return f"%{''.join(special.get(c, c) for c in path)}%"
