"""The carrier between ranks: confirmed like every carrier, and a lost rank keeps nobody waiting."""

import time
from collections.abc import Iterator

import pytest
from pilothouse_common.broker.carrier import open_broker, open_publisher
from pilothouse_common.broker.memory import MemoryBroker
from pilothouse_common.broker.port import Disposition
from pilothouse_common.broker.ranks import loop as loop_module
from pilothouse_common.broker.ranks.frames import Gone, Hello, Taken, decode, encode
from pilothouse_common.broker.ranks.loop import RankLoop
from pilothouse_common.broker.ranks.root import RankRoot
from pilothouse_common.broker.ranks.worker import WorkerBroker
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.topology import INGEST_EVENTS, Exchange, Queue
from pilothouse_common.errors import BrokerUnavailable, Malformed, Unroutable

from tests.support.brokers import an_event, receive, some_events
from tests.support.process import eventually
from tests.support.ranks import World


class Job:
    """Rank 0 on an in-process broker, and workers."""

    def __init__(self, size: int, *, broker: MemoryBroker | None = None) -> None:
        self.world = World(size)
        self.loops = self.world.start()
        self.broker = broker or MemoryBroker()
        self.root = RankRoot(
            self.loops[0], size=size, publisher=self.broker.publisher(), broker=self.broker
        )
        self.workers = [WorkerBroker(loop, timeout_seconds=5) for loop in self.loops[1:]]

    def close(self) -> None:
        self.root.close()
        for loop in self.loops:
            loop.leave("", 5)


@pytest.fixture
def job() -> Iterator[Job]:
    made = Job(4)
    yield made
    made.close()


def command(key: str) -> Message:
    return Message(Exchange.COMMANDS, key, b"{}", "application/json", message_id=key)


def commands_of(*keys: str) -> Queue:
    return Queue("commands", Exchange.COMMANDS, keys, temporary=True)


def test_what_a_worker_publishes_is_at_rank_0_as_it_was_and_in_order(job):
    sent = some_events(700)

    open_publisher("mpi:", ranks=job.workers[1]).publish(sent)

    got = receive(job.broker.consumer(INGEST_EVENTS, prefetch=1000), 700)
    assert [d.message for d in got] == sent


def test_publish_returns_only_when_rank_0_has_stored_it():
    job = Job(2, broker=MemoryBroker(confirm="settled", timeout_seconds=0.3))

    with pytest.raises(BrokerUnavailable, match="not stored within"):
        job.workers[0].publisher().publish([an_event()])

    job.close()


def test_what_rank_0_refuses_is_refused_at_the_worker_and_spoils_nobody_elses(job):
    stray = Message(Exchange.COMMANDS, "nobody", b"", "application/json")

    with pytest.raises(Unroutable, match="nobody"):
        job.workers[0].publisher().publish([stray])
    job.workers[1].publisher().publish([an_event(7)])

    (got,) = receive(job.broker.consumer(INGEST_EVENTS, prefetch=5), 1)
    assert got.message == an_event(7)


def test_a_rank_0_that_takes_nothing_is_an_error_within_the_time_and_a_bounded_queue():
    world = World(2)
    loops = world.start(max_queued=2)
    world.deaf.add(0)
    worker = WorkerBroker(loops[1], timeout_seconds=0.1)
    publisher = worker.publisher()
    problems = []

    for number in range(5):
        with pytest.raises(BrokerUnavailable) as caught:
            publisher.publish([an_event(number)])
        problems.append(str(caught.value))

    assert "did not confirm within 0.1 s" in problems[0]
    assert "takes nothing" in problems[-1]
    for loop in loops:
        assert loop.leave("", 5)


def test_commands_reach_the_ranks_that_bound_them_and_no_others(job):
    ours = [
        open_broker("mpi:", ranks=w).consumer(commands_of("run.7.#"), prefetch=5)
        for w in job.workers[:2]
    ]
    other = job.workers[2].consumer(commands_of("run.8.#"), prefetch=5)
    publisher = job.broker.publisher()

    def accepted() -> bool:
        publisher.publish([command("run.8.stop")])
        publisher.publish([command("run.7.stop")])
        return True

    eventually(accepted, within=5)

    for consumer in ours:
        (got,) = receive(consumer, 1)
        assert got.message == command("run.7.stop")
        consumer.settle([got], Disposition.ACK)
    assert receive(other, 1)[0].message == command("run.8.stop")


def test_a_command_that_is_retried_comes_again(job):
    consumer = job.workers[0].consumer(commands_of("#"), prefetch=5)
    eventually(lambda: job.broker.publisher().publish([command("a.b")]) is None, within=5)
    (got,) = receive(consumer, 1)

    consumer.settle([got], Disposition.RETRY)

    assert receive(consumer, 1)[0].message == got.message


def test_a_worker_has_no_other_queues(job):
    with pytest.raises(BrokerUnavailable, match="only commands"):
        job.workers[0].consumer(INGEST_EVENTS, prefetch=1)


@pytest.mark.parametrize("how", ["deaf", "gone"])
def test_a_lost_rank_keeps_nobody_waiting(job, how):
    for worker in job.workers:
        worker.consumer(commands_of("#"), prefetch=5)
    eventually(lambda: job.broker.publisher().publish([command("a.b")]) is None, within=5)
    getattr(job.world, how).add(2)
    began = time.monotonic()

    for number in range(20):
        job.broker.publisher().publish([command(f"a.{number}")])
        job.workers[0].publisher().publish([an_event(number)])

    assert time.monotonic() - began < 5
    assert job.root.end("over", 0.2) >= {2}


def test_the_end_reaches_every_worker_and_their_good_byes_are_waited_for(job):
    def leave() -> bool:
        for worker, loop in zip(job.workers, job.loops[1:], strict=True):
            if worker.ended.is_set():
                loop.send(0, Gone())
        return all(worker.ended.is_set() for worker in job.workers)

    assert job.root.end("over", 0) == {1, 2, 3}
    eventually(leave, within=5)

    assert job.root.end("over", 5) == set()
    with pytest.raises(BrokerUnavailable):
        job.workers[0].check()


def test_what_was_queued_before_the_end_still_leaves(job):
    for loop in job.loops[1:]:
        loop.send(0, Gone())
        assert loop.leave("finish", 5)

    assert job.root.end("over", 5) == set()


def test_a_last_batch_is_taken_after_rank_0_said_that_it_is_over(job):
    job.root.end("over", 0)
    eventually(job.workers[0].ended.is_set, within=5)

    job.workers[0].publisher().publish([an_event(3)])

    assert receive(job.broker.consumer(INGEST_EVENTS, prefetch=5), 1)[0].message == an_event(3)


def test_one_thread_of_each_rank_makes_all_calls(job):
    for worker in job.workers:
        worker.publisher().publish([an_event()])
    for loop in job.loops:
        assert loop.leave("finish", 5)

    assert {rank: len(threads) for rank, threads in job.world.threads.items()} == dict.fromkeys(
        range(4), 1
    )
    assert sorted(job.world.finished) == [0, 1, 2, 3]


def test_an_idle_rank_looks_seldom():
    world = World(1)
    (loop,) = world.start()
    loop.serve(lambda _rank, _frame: None)
    eventually(lambda: world.receives > 10, within=5)
    before, began = world.receives, time.monotonic()

    eventually(lambda: time.monotonic() - began > 0.5, within=5)

    assert world.receives - before <= 0.5 / loop_module.LONGEST_PAUSE_SECONDS * 1.5 + 3
    assert loop.leave("", 5)


def test_a_loop_that_fails_says_so_once_and_takes_nothing_more(caplog):
    world = World(1)
    (loop,) = world.start()

    def fail(_rank, _frame):
        raise RuntimeError("a mistake of ours")

    loop.serve(fail)
    loop.send(0, Gone())

    eventually(lambda: "no frame comes or goes" in caplog.text, within=5)
    with pytest.raises(BrokerUnavailable):
        loop.send(0, Gone())


def test_ranks_that_do_not_all_come_are_an_error_in_time():
    def fails() -> None:
        raise BrokerUnavailable("no libmpi")

    never = RankLoop(World(2).opener(0), Hello("n0"))
    broken = RankLoop(fails, Hello("n0"))  # type: ignore[arg-type]

    with pytest.raises(BrokerUnavailable, match="not all ranks came"):
        never.meet(0.05)  # rank 1 was never started
    with pytest.raises(BrokerUnavailable, match="no libmpi"):
        broken.meet(5)


@pytest.mark.parametrize(
    "data", [b"", b"\xc1", b"\x91\xa5hello", encode(Taken(1))[:-2], b"\x92\xa3new\x01"]
)
def test_what_is_no_frame_is_refused_and_does_not_end_the_loop(job, data):
    with pytest.raises(Malformed):
        decode(data)
    job.world.boxes[0].append((1, data))

    job.workers[0].publisher().publish([an_event()])
