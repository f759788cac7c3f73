"""The thread that talks with the simulations of this node: one selector, nothing in it blocks.

A program can hurt neither the agent nor another program: connections, runs per minute, lines, buffers and
bytes per second are bounded, and whoever breaks the protocol is told why and disconnected.
"""

import contextlib
import logging
import selectors
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from pilothouse_common.contract.events import EventData, RunFinished, RunStarted
from pilothouse_common.errors import Malformed

from pilothouse_agent.simulation.connection import Connection, Unfit
from pilothouse_agent.simulation.ledger import Entry, Ledger
from pilothouse_agent.simulation.peer import Peers
from pilothouse_agent.simulation.protocol import line_of, read_hello, words_of
from pilothouse_agent.simulation.run import SimulationRun, refusal

log = logging.getLogger(__name__)
MAX_CONNECTIONS = 512
MAX_CONNECTIONS_PER_USER = 256
MAX_ACCEPTED_PER_SECOND = 200
MAX_RUNS_PER_MINUTE = 600
HELLO_SECONDS = 10.0
LOOK_SECONDS = 10.0
"""Between two looks whether the processes are still there: a child may hold a dead one's socket."""
Task = Callable[["SimulationServer"], None]


class SimulationServer:
    """All simulations of this node.

    Args:
        listener: From place.listen(); closed by close().
        peers: Say who connected.
        cluster: Name of the cluster.
        hostname: Name of the node.
        value_seconds: How often simulations shall tell new values.
        announce: Takes events; must not block.
        ledger: Knows the runs of earlier agents.
        first: Called before the first run is announced; must not block.
    """

    def __init__(
        self,
        listener: socket.socket,
        peers: Peers,
        *,
        cluster: str,
        hostname: str,
        value_seconds: float,
        announce: Callable[[EventData], None],
        ledger: Ledger,
        first: Callable[[], None],
    ) -> None:
        self._listener = listener
        self._peers = peers
        self._cluster, self._hostname = cluster, hostname
        self._value_seconds = value_seconds
        self._announce = announce
        self._ledger = ledger
        self._first: Callable[[], None] | None = first
        self._connections: set[Connection] = set()
        self.runs: dict[str, Connection] = {}
        self._tasks: deque[Task] = deque()
        self._recent: dict[int, deque[float]] = {}
        self._accepted = 0
        self._second = 0.0
        self._looked = -LOOK_SECONDS
        self._stopping = False
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake_out = socket.socketpair()
        for end in (self._wake_in, self._wake_out):
            end.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ)
        self._selector.register(self._wake_in, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="simulations", daemon=True)
        self._thread.start()

    def submit(self, task: Task) -> None:
        """Have something done in this thread, from any thread. Never blocks."""
        self._tasks.append(task)
        with contextlib.suppress(
            BlockingIOError, OSError
        ):  # full: it wakes anyway; closed: it ended
            self._wake_out.send(b"x")

    def connected(self) -> list[SimulationRun]:
        """Return the runs of now, from any thread."""
        return [run for c in list(self.runs.values()) if (run := c.run) is not None]

    def send(self, run_id: str, line: bytes) -> None:
        """Send a line to a run; one that takes nothing any more is disconnected."""
        connection = self.runs.get(run_id)
        if connection is not None and line:
            if connection.send(line):
                self._watch(connection)
            else:
                self._drop(connection, "it did not read")

    def close(self) -> None:
        """Disconnect everybody; runs go on, and connect again to the next agent."""
        self._stopping = True
        self.submit(lambda _server: None)
        self._thread.join(timeout=5)

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._tick()
                for key, events in self._selector.select(self._wait_seconds()):
                    self._ready(key.fileobj, key.data, events)
                self._do_tasks()
        except Exception:  # said here: the agent goes on collecting, and the simulations run on
            log.exception("simulations are not served any more")
        finally:
            for connection in list(self._connections):
                connection.socket.close()
            for each in (self._selector, self._listener, self._wake_in, self._wake_out):
                each.close()

    def _ready(self, ready: object, connection: Connection | None, events: int) -> None:
        if connection is not None:
            try:
                self._serve(connection, events)
            except Exception:  # one program's luck must not be the end of all others
                log.exception("simulation failed here", extra={"uid": connection.uid})
                self._drop(connection, "the agent failed")
        elif ready is self._listener:
            self._accept()
        else:
            with contextlib.suppress(BlockingIOError):
                self._wake_in.recv(4096)

    def _wait_seconds(self) -> float | None:
        """Return when the next tick is due; an agent without simulations sleeps."""
        if not self._connections and not self._accepted:
            return LOOK_SECONDS if self._ledger.absent else None
        deadlines = [run.next_deadline() for run in self.connected()]
        soonest = min((d for d in deadlines if d is not None), default=None)
        return 1.0 if soonest is None else min(1.0, max(0.0, soonest - time.time()))

    def _do_tasks(self) -> None:
        while self._tasks:
            self._tasks.popleft()(self)

    def _tick(self) -> None:
        now = time.monotonic()
        for run in self.connected():
            run.expire(time.time())
        if now - self._second < 1.0:
            return
        self._second = now
        if self._accepted >= MAX_ACCEPTED_PER_SECOND:
            self._selector.register(self._listener, selectors.EVENT_READ)
        self._accepted = 0
        for connection in list(self._connections):
            self._tick_one(connection, now)
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self._recent = {uid: times for uid, times in self._recent.items() if times}
            self._look()

    def _tick_one(self, connection: Connection, now: float) -> None:
        paused, connection.said = connection.talks_too_much, 0
        if connection.run is None and now - connection.since > HELLO_SECONDS:
            self._refuse(connection, f"no HELLO within {HELLO_SECONDS:g} s")
        elif paused:
            self._watch(connection)

    def _look(self) -> None:
        for connection in list(self.runs.values()):
            if connection.run and self._peers.start_ticks(connection.run.who.pid) is None:
                self._drop(connection, "its process ended")
        for entry in list(self._ledger.absent.values()):
            if self._peers.start_ticks(entry.pid) != entry.ticks:
                self._finish(entry.run_id, entry.user, "it ended while no agent was there")

    def _accept(self) -> None:
        try:
            peer, _ = self._listener.accept()
        except OSError:  # it went away again, or this process has no descriptor left
            return
        self._accepted += 1
        if self._accepted >= MAX_ACCEPTED_PER_SECOND:
            self._selector.unregister(self._listener)
        peer.setblocking(False)
        uid = self._peers.uid_of(peer)
        users = Counter(connection.uid for connection in self._connections)
        connection = Connection(peer, uid, time.monotonic())
        self._connections.add(connection)
        self._selector.register(peer, selectors.EVENT_READ, connection)
        if users.total() >= MAX_CONNECTIONS or users[uid] >= MAX_CONNECTIONS_PER_USER:
            self._refuse(connection, "too many simulations are connected")

    def _serve(self, connection: Connection, events: int) -> None:
        if events & selectors.EVENT_WRITE and not connection.flush():
            self._drop(connection, "it closed the connection")
            return
        if events & selectors.EVENT_READ:
            try:
                lines = connection.receive()
                if lines is None:
                    self._drop(connection, "it closed the connection")
                    return
                if not self._take(connection, lines):
                    return
            except (Malformed, Unfit) as exc:
                self._refuse(connection, str(exc))
                return
        self._watch(connection)

    def _take(self, connection: Connection, lines: Iterable[bytes]) -> bool:
        """Do what lines say; tell whether the connection is still there."""
        for line in lines:
            words = words_of(line)
            if words == ["BYE"]:
                self._drop(connection, "it said goodbye")
                return False
            if connection.run is not None:
                connection.run.take(words)
            elif words[0] == "HELLO":
                self._greet(connection, words[1:])
            else:
                raise Malformed("the first word has to be HELLO")
        return True

    def _greet(self, connection: Connection, words: list[str]) -> None:
        name, rank, job = read_hello(words)
        self._count_run(connection.uid)
        who = self._peers.identify(connection.socket, name=name, rank=rank, claimed_job=job)
        older = self.runs.get(who.run_id)
        if older is not None:
            self._forget(older)  # the same process connects anew: its run goes on
        connection.run = SimulationRun(who)
        self.runs[who.run_id] = connection
        if self._first is not None:
            self._first()
            self._first = None
        self._ledger.connected(Entry(who.run_id, who.pid, who.start_ticks, who.user))
        if older is None:
            self._announce(
                RunStarted(
                    cluster=self._cluster,
                    hostname=self._hostname,
                    run_id=who.run_id,
                    name=who.name,
                    user=who.user,
                    uid=who.uid,
                    job_id=who.job_id,
                    rank=who.rank,
                    pid=who.pid,
                    start_time=datetime.fromtimestamp(who.start_seconds, UTC),
                )
            )
        self.send(who.run_id, line_of("RUN", who.run_id, f"{self._value_seconds:g}"))

    def _count_run(self, uid: int) -> None:
        now = time.monotonic()
        times = self._recent.setdefault(uid, deque())
        while times and now - times[0] > 60:
            times.popleft()
        if len(times) >= MAX_RUNS_PER_MINUTE:
            raise Malformed(f"more than {MAX_RUNS_PER_MINUTE} connections in a minute")
        times.append(now)

    def _watch(self, connection: Connection) -> None:
        """Say what to wait for; a program that talks too much is not heard until the next second."""
        if connection not in self._connections:
            return
        wanted = 0 if connection.talks_too_much else selectors.EVENT_READ
        if connection.wants_to_send:
            wanted |= selectors.EVENT_WRITE
        known = self._selector.get_map().get(connection.socket)
        if known is None and wanted:
            self._selector.register(connection.socket, wanted, connection)
        elif known is not None and not wanted:
            self._selector.unregister(connection.socket)
        elif known is not None and known.events != wanted:
            self._selector.modify(connection.socket, wanted, connection)

    def _refuse(self, connection: Connection, why: str) -> None:
        connection.send(refusal(why))
        log.info("simulation refused", extra={"uid": connection.uid, "reason": why})
        self._drop(connection, f"it broke the protocol: {why}")

    def _drop(self, connection: Connection, why: str) -> None:
        run = connection.run
        self._forget(connection)
        if run is not None:
            self._finish(run.who.run_id, run.who.user, why)

    def _finish(self, run_id: str, user: str, why: str) -> None:
        self._ledger.ended(run_id)
        self._announce(
            RunFinished(
                cluster=self._cluster,
                hostname=self._hostname,
                run_id=run_id,
                user=user,
                end_time=datetime.now(UTC),
                reason=why,
            )
        )

    def _forget(self, connection: Connection) -> None:
        if connection not in self._connections:
            return
        self._connections.discard(connection)
        if connection.socket in self._selector.get_map():
            self._selector.unregister(connection.socket)
        connection.socket.close()
        run, connection.run = connection.run, None
        if run is not None:
            del self.runs[run.who.run_id]
            run.end()
