"""One stream: replay, then what is new, with heartbeats, until its token or its reader is gone."""

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import anyio.to_thread
import msgspec
from pilothouse_common.errors import StoreUnavailable, Unauthenticated
from pilothouse_common.runtime.clock import Clock
from pilothouse_common.store.records.models import StoredEvent

from pilothouse_api.access.caller import Caller
from pilothouse_api.access.tokens import Tokens
from pilothouse_api.live.feed import Batch, Feed
from pilothouse_api.live.hub import LiveHub, Waker

HEARTBEAT_SECONDS = 15.0
RECHECK_SECONDS = 2.0
RETRY_MILLISECONDS = 2000


@dataclass(frozen=True, slots=True)
class Stream:
    """What a stream needs.

    Attributes:
        last_id: From ``Last-Event-ID``, or None: only what is new.
    """

    hub: LiveHub
    feed: Feed
    tokens: Tokens
    caller: Caller
    clock: Clock
    last_id: int | None

    def subscribe(self) -> AbstractContextManager[Waker]:
        """Count this stream while it lasts.

        Raises:
            StreamLimit: When entered, as many are open as may be.
        """
        return self.hub.subscribe(self.caller.subject)

    async def run(self, waker: Waker) -> AsyncIterator[str]:
        """Yield the text of the stream. A slow reader waits for itself: at most a page is held."""
        seq, lost = await anyio.to_thread.run_sync(self.feed.begin, self.last_id)
        yield f"retry: {RETRY_MILLISECONDS}\nid: {seq}\n\n"
        if lost:
            yield f'event: reset\nid: {seq}\ndata: {{"seq":{seq}}}\n\n'
        heartbeat = _Timer(self.clock, HEARTBEAT_SECONDS)
        recheck = _Timer(self.clock, RECHECK_SECONDS)
        while not self.hub.closing:
            batch = await self._look(seq)
            for event in batch.events:
                yield render(event)
                heartbeat.restart()
            seq = batch.seq
            if heartbeat.is_due():
                yield f": heartbeat\nid: {seq}\n\n"
            if recheck.is_due() and not await self._still_allowed():
                return
            if not batch.more:
                await waker.wait(RECHECK_SECONDS)

    async def _look(self, seq: int) -> Batch:
        try:
            return await anyio.to_thread.run_sync(self.feed.read, seq)
        except StoreUnavailable:
            return Batch([], seq)  # the next look, after the next wake or RECHECK_SECONDS

    async def _still_allowed(self) -> bool:
        try:
            await anyio.to_thread.run_sync(self.tokens.recheck, self.caller)
        except Unauthenticated:
            return False
        except StoreUnavailable:
            pass  # nothing is sent meanwhile either
        return True


class _Timer:
    """Says once per period that it is time."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self.restart()

    def restart(self) -> None:
        """Begin the period anew."""
        self._end = self._clock.monotonic() + self._seconds

    def is_due(self) -> bool:
        """Tell whether the period is over, and then begin the next."""
        due = self._clock.monotonic() >= self._end
        if due:
            self.restart()
        return due


def render(event: StoredEvent) -> str:
    """Return one event of the stream (HTML, "Server-sent events", 9.2.6)."""
    body = {
        "seq": event.seq,
        "type": event.type,
        "time": event.time,
        "cluster": event.cluster,
        "job_id": event.job_id,
        "hostname": event.hostname,
        "data": event.data,
    }
    text = msgspec.json.encode(body).decode()  # one line: JSON escapes newlines
    return f"id: {event.seq}\nevent: {event.type}\ndata: {text}\n\n"
