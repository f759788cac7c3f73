"""Ranks without MPI: the bytes of every frame go through queues in this process, as MPI would carry them."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pilothouse_common.broker.ranks.frames import Hello
from pilothouse_common.broker.ranks.loop import RankLoop
from pilothouse_common.broker.ranks.port import Sending
from pilothouse_common.errors import BrokerUnavailable


@dataclass
class World:
    """What all ranks share.

    Attributes:
        deaf: Ranks that take nothing: sends to them never end.
        gone: Ranks that are lost: sends to them fail.
        threads: Every thread that made a call, by rank.
    """

    size: int
    deaf: set[int] = field(default_factory=set)
    gone: set[int] = field(default_factory=set)
    boxes: dict[int, deque[tuple[int, bytes]]] = field(default_factory=dict)
    threads: dict[int, set[int]] = field(default_factory=dict)
    finished: list[int] = field(default_factory=list)
    receives: int = 0

    def __post_init__(self) -> None:
        self.boxes = {rank: deque() for rank in range(self.size)}
        self._given: dict[int, bytes] = {}
        self._all_here = threading.Barrier(self.size)

    def opener(self, rank: int) -> Callable[[], "FakeRanks"]:
        return lambda: FakeRanks(self, rank)

    def meet(self, rank: int, own: bytes) -> list[bytes]:
        self._given[rank] = own
        self._all_here.wait(10)
        return [self._given[rank] for rank in range(self.size)]

    def start(self, *, max_queued: int = 256) -> list[RankLoop]:
        loops = [
            RankLoop(self.opener(rank), Hello(f"n{rank}"), max_queued=max_queued)
            for rank in range(self.size)
        ]
        for loop in loops:
            loop.meet(10)
        return loops


class FakeRanks:
    """One rank's Communicator."""

    def __init__(self, world: World, rank: int) -> None:
        self._world = world
        self.rank = rank
        self.size = world.size

    def exchange(self, own: bytes) -> Sequence[bytes]:
        self._note()
        return self._world.meet(self.rank, own)

    def send(self, rank: int, data: bytes) -> Sending:
        self._note()
        if rank in self._world.gone:
            raise BrokerUnavailable("peer hung up")
        if rank not in self._world.deaf:
            self._world.boxes[rank].append((self.rank, data))
        return _Sent(self._world, rank)

    def receive(self) -> tuple[int, bytes] | None:
        self._note()
        self._world.receives += 1
        box = self._world.boxes[self.rank]
        return box.popleft() if box and self.rank not in self._world.deaf else None

    def finish(self) -> None:
        self._note()
        self._world.finished.append(self.rank)

    def abort(self) -> None:
        self._note()

    def _note(self) -> None:
        self._world.threads.setdefault(self.rank, set()).add(threading.get_ident())


class _Sent:
    def __init__(self, world: World, rank: int) -> None:
        self._world = world
        self._rank = rank

    def done(self) -> bool:
        if self._rank in self._world.gone:
            raise BrokerUnavailable("peer hung up")
        return self._rank not in self._world.deaf
