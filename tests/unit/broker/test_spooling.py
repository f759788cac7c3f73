"""A carrier with a spool behind it: nothing lost, order kept, the carrier not tried for every message."""

import random
import threading
from pathlib import Path

import pytest
from pilothouse_common.backoff import Backoff
from pilothouse_common.broker.drain import Drain
from pilothouse_common.broker.spool import Spool
from pilothouse_common.broker.spooling import SpoolingPublisher
from pilothouse_common.errors import BrokerUnavailable, Rejected, Unauthenticated

from tests.support.process import eventually
from tests.unit.broker.carriers import Carrier, an_event


def spooling(carrier: Carrier, directory: Path, *, max_seconds: float = 0.05) -> SpoolingPublisher:
    backoff = Backoff(first_seconds=max_seconds, max_seconds=max_seconds, rng=random.Random(1))
    return SpoolingPublisher(carrier, Spool(directory), backoff=backoff)


def files(directory: Path) -> int:
    return len(list(directory.glob("*/*.msg")))


def test_with_the_carrier_there_nothing_is_spooled(tmp_path: Path):
    carrier = Carrier()
    publisher = spooling(carrier, tmp_path)
    eventually(lambda: not publisher.behind, within=5)

    publisher.publish([an_event(1)])

    assert carrier.taken == [an_event(1)]
    assert files(tmp_path) == 0
    publisher.close()


@pytest.mark.parametrize("problem", [BrokerUnavailable("away"), Unauthenticated("token expired")])
def test_what_the_carrier_cannot_take_is_delivered_in_order_when_it_can(tmp_path: Path, problem):
    carrier = Carrier()
    publisher = spooling(carrier, tmp_path)
    publisher.publish([an_event(0)])
    carrier.problem = problem

    for number in range(1, 30):
        publisher.publish([an_event(number)])
    carrier.problem = None
    for number in range(30, 60):
        publisher.publish([an_event(number)])

    eventually(lambda: len(carrier.taken) >= 60, within=10)
    assert carrier.taken == [an_event(n) for n in range(60)]
    eventually(lambda: not publisher.behind and files(tmp_path) == 0, within=5)
    publisher.close()


def test_a_carrier_that_failed_is_not_tried_for_every_message(tmp_path: Path):
    carrier = Carrier()
    carrier.problem = BrokerUnavailable("away")
    publisher = spooling(carrier, tmp_path, max_seconds=60)

    for number in range(50):
        publisher.publish([an_event(number)])

    assert carrier.calls <= 3
    assert files(tmp_path) == 50
    publisher.close()


def test_what_an_earlier_process_left_goes_first(tmp_path: Path):
    Spool(tmp_path).publish([an_event(0)])
    carrier = Carrier()

    publisher = spooling(carrier, tmp_path)
    publisher.publish([an_event(1)])

    eventually(lambda: len(carrier.taken) == 2, within=5)
    assert carrier.taken == [an_event(0), an_event(1)]
    publisher.close()


def test_messages_that_another_process_spools_are_handed_over_within_moments(tmp_path: Path):
    carrier = Carrier()
    publisher = spooling(carrier, tmp_path)
    eventually((tmp_path / "wake").exists, within=5)

    Spool(tmp_path).publish([an_event(1)])

    eventually(lambda: carrier.taken == [an_event(1)], within=2, every=0.005)
    publisher.close()


def test_a_message_refused_for_what_it_is_is_told_to_the_caller(tmp_path: Path):
    carrier = Carrier()
    carrier.refused = {b"event 1"}
    publisher = spooling(carrier, tmp_path)
    eventually(lambda: not publisher.behind, within=5)

    with pytest.raises(Rejected):
        publisher.publish([an_event(1)])

    assert files(tmp_path) == 0
    publisher.close()


def test_when_carrier_and_spool_both_fail_the_caller_learns_it(tmp_path: Path):
    carrier = Carrier()
    carrier.problem = BrokerUnavailable("away")
    (tmp_path / "file").touch()
    publisher = spooling(carrier, tmp_path / "file" / "spool")

    with pytest.raises(BrokerUnavailable, match="spool"):
        publisher.publish([an_event(1)])

    publisher.close()


def test_another_drainer_of_the_directory_is_waited_for(tmp_path: Path):
    carrier = Carrier()
    other = Drain(tmp_path, carrier)
    assert other.acquire()
    Spool(tmp_path).publish([an_event(0)])
    publisher = spooling(carrier, tmp_path)
    publisher.publish([an_event(1)])

    before = list(carrier.taken)
    other.drain()
    publisher.publish([an_event(2)])
    other.drain()
    other.close()

    eventually(lambda: len(carrier.taken) == 3, within=5)
    assert before == []
    assert carrier.taken == [an_event(0), an_event(1), an_event(2)]
    publisher.close()


def test_many_threads_lose_nothing_while_the_carrier_comes_and_goes(tmp_path: Path):
    carrier = Carrier()
    publisher = spooling(carrier, tmp_path, max_seconds=0.01)
    done = threading.Event()

    def disturb() -> None:
        while not done.wait(0.003):
            carrier.problem = None if carrier.problem else BrokerUnavailable("away")

    def publish(start: int) -> None:
        for number in range(start, start + 50):
            publisher.publish([an_event(number)])

    disturber = threading.Thread(target=disturb)
    writers = [threading.Thread(target=publish, args=(n * 50,)) for n in range(4)]
    for thread in (disturber, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    disturber.join()
    carrier.problem = None

    eventually(
        lambda: set(carrier.bodies) == {f"event {n}".encode() for n in range(200)}, within=10
    )
    publisher.close()


def test_why_a_spool_waits_is_logged_once_for_each_reason(tmp_path: Path, caplog):
    (tmp_path / "lock").mkdir()  # so that nobody can take the lock file
    publisher = spooling(Carrier(), tmp_path)

    eventually(lambda: "spool waits" in caplog.text, within=5)
    (tmp_path / "lock").rmdir()
    eventually((tmp_path / "lock").is_file, within=5)
    publisher.close()

    assert [r.levelname for r in caplog.records if r.message == "spool waits"] == ["WARNING"]
