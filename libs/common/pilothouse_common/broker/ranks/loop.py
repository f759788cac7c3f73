"""The one thread of a rank that speaks MPI: sends what is queued, hands on what comes, else sleeps.

MPI has no way to wait without spinning, so it is asked now and then: soon after something happened,
ever less often when nothing does. All calls come from this thread, MPI_Init and MPI_Finalize included,
so MPI_THREAD_FUNNELED is enough (MPI 4.1, section 11.6).
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from pilothouse_common.broker.ranks.frames import Frame, Hello, decode, encode
from pilothouse_common.broker.ranks.port import Communicator, Sending
from pilothouse_common.errors import BrokerUnavailable, Malformed

log = logging.getLogger(__name__)
SHORTEST_PAUSE_SECONDS = 0.001
LONGEST_PAUSE_SECONDS = 0.1
_SLOWER = 1.6
_AT_ONCE = 64
_REST_SECONDS = 0.5
Handler = Callable[[int, Frame], None]


class RankLoop:
    """Runs a communicator in a thread of its own.

    Args:
        open_communicator: Starts MPI; called in the thread.
        hello: What this rank gives to the exchange at the start.
        max_queued: Frames that may wait for one rank; a dead one must not fill our memory.
    """

    def __init__(
        self,
        open_communicator: Callable[[], Communicator],
        hello: Hello,
        *,
        max_queued: int = 256,
    ) -> None:
        self._open = open_communicator
        self._hello = hello
        self._max_queued = max_queued
        self._handler: Handler | None = None
        self._queues: dict[int, deque[bytes]] = {}
        self._sending: dict[int, Sending] = {}
        self._lost: set[int] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._met = threading.Event()
        self._ending = threading.Event()
        self._leave = self._problem = ""
        self._failure: Exception | None = None
        self._hellos: list[Hello] = []
        self.rank = -1
        self._thread = threading.Thread(target=self._run, name="ranks", daemon=True)
        self._thread.start()

    def meet(self, within_seconds: float) -> Sequence[Hello]:
        """Return every rank's hello, by rank.

        Raises:
            BrokerUnavailable: MPI cannot start, or not all ranks came in time.
        """
        if not self._met.wait(within_seconds):
            raise BrokerUnavailable(f"MPI: not all ranks came within {within_seconds:g} s")
        if self._failure is not None:
            raise BrokerUnavailable(f"MPI: {self._failure}") from self._failure
        return self._hellos

    def serve(self, handler: Handler) -> None:
        """Hand every frame that comes to ``handler``, in the thread: it must not block."""
        self._handler = handler
        self._wake.set()

    def send(self, rank: int, frame: Frame) -> None:
        """Queue a frame. Never blocks.

        Raises:
            BrokerUnavailable: The rank is gone or takes nothing.
        """
        with self._lock:
            queue = self._queues.setdefault(rank, deque())
            if self._failure is not None or rank in self._lost:
                raise BrokerUnavailable(f"rank {rank} is gone")
            if len(queue) >= self._max_queued:
                raise BrokerUnavailable(f"rank {rank} takes nothing")
            queue.append(encode(frame))
        self._wake.set()

    @property
    def idle(self) -> bool:
        """Whether everything that was queued has left."""
        with self._lock:
            return not self._sending and not any(self._queues.values())

    def leave(self, how: str, within_seconds: float) -> bool:
        """End the thread; return whether it ended in time.

        Args:
            how: ``finish``: MPI_Finalize, with all others. ``abort``: MPI_Abort. Empty: just stop.
            within_seconds: A rank that died in between would keep MPI_Finalize waiting.
        """
        self._leave = how
        self._ending.set()
        self._wake.set()
        self._thread.join(within_seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            ranks = self._open()
            self.rank = ranks.rank
            self._hellos = [_hello(data) for data in ranks.exchange(encode(self._hello))]
            self._met.set()
            self._work(ranks)
            self._send_the_rest(ranks)
            {"finish": ranks.finish, "abort": ranks.abort}.get(self._leave, _nothing)()
        except Exception as exc:  # told to whoever meets or sends
            self._failure = exc
            if self._met.is_set():
                log.exception("ranks: no frame comes or goes any more")
            self._met.set()

    def _work(self, ranks: Communicator) -> None:
        pause = SHORTEST_PAUSE_SECONDS
        while not self._ending.is_set():
            busy = self._push(ranks)
            if self._handler is not None:
                busy = self._pull(ranks, self._handler) or busy
            if busy:
                pause = SHORTEST_PAUSE_SECONDS
            if self._wake.wait(pause):
                self._wake.clear()
                pause = SHORTEST_PAUSE_SECONDS
            else:
                pause = min(pause * _SLOWER, LONGEST_PAUSE_SECONDS)

    def _send_the_rest(self, ranks: Communicator) -> None:
        """Let leave what was queued before the end, as far as it is taken."""
        deadline = time.monotonic() + _REST_SECONDS
        while not self.idle and time.monotonic() < deadline:
            self._push(ranks)
            time.sleep(SHORTEST_PAUSE_SECONDS)  # MPI has nothing to wait on

    def _push(self, ranks: Communicator) -> bool:
        """Go on with sends: one at a time for each rank. Return whether there are any."""
        with self._lock:
            waiting = [rank for rank, queue in self._queues.items() if queue] + [*self._sending]
            for rank in dict.fromkeys(waiting):
                try:
                    self._push_one(ranks, rank)
                except BrokerUnavailable as exc:
                    log.warning("rank is gone", extra={"rank": rank, "reason": str(exc)})
                    self._lost.add(rank)
                    self._queues[rank].clear()
                    self._sending.pop(rank, None)
        return bool(waiting)

    def _push_one(self, ranks: Communicator, rank: int) -> None:
        sending = self._sending.get(rank)
        if sending is not None:
            if not sending.done():
                return
            del self._sending[rank]
        if self._queues[rank]:
            self._sending[rank] = ranks.send(rank, self._queues[rank].popleft())

    def _pull(self, ranks: Communicator, handler: Handler) -> bool:
        for number in range(_AT_ONCE):
            try:
                received = ranks.receive()
            except BrokerUnavailable as exc:
                self._note(str(exc))
                return False
            if received is None:
                return number > 0
            try:
                handler(received[0], decode(received[1]))
            except Malformed as exc:
                log.warning("frame dropped", extra={"rank": received[0], "reason": str(exc)})
        return True

    def _note(self, problem: str) -> None:
        """Log what fails again and again once."""
        if problem != self._problem:
            log.warning("ranks", extra={"reason": problem})
        self._problem = problem


def _hello(data: bytes) -> Hello:
    frame = decode(data)
    if not isinstance(frame, Hello):
        raise Malformed("ranks: a rank did not begin with its hello")
    return frame


def _nothing() -> None:
    """Leave without a word: the process ends."""
