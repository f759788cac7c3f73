"""Draining: in order, events first, removed only after it was taken, hostile files put aside."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pilothouse_common.broker.drain import Drain, Drained
from pilothouse_common.broker.memory import MemoryBroker
from pilothouse_common.broker.spool import Spool
from pilothouse_common.broker.spool_format import encode_file, file_name
from pilothouse_common.contract.topology import Exchange
from pilothouse_common.errors import BrokerUnavailable, Forbidden, Unauthenticated

from tests.unit.broker.carriers import Carrier, a_sample, an_event

NAME = file_name(time.time_ns(), "host", 1, 1)


def drain(directory: Path, carrier: Carrier, **options: int) -> Drained:
    with Drain(directory, carrier, **options) as drain:
        assert drain.acquire()
        return drain.drain()


def put(directory: Path, data: bytes, name: str = NAME, folder: str = "events") -> Path:
    path = directory / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def reasons(directory: Path) -> list[str]:
    return [
        path.read_text().strip() for path in sorted((directory / "quarantine").glob("*.reason"))
    ]


def test_all_is_delivered_in_order_events_first_and_then_removed(tmp_path: Path):
    spool = Spool(tmp_path)
    for number in range(30):
        spool.publish([a_sample(number), an_event(number)])
    carrier = Carrier()

    done = drain(tmp_path, carrier, batch_messages=7)

    assert carrier.taken == [*map(an_event, range(30)), *map(a_sample, range(30))]
    assert done == Drained(60, sum(len(b) for b in carrier.bodies), 0, 0)
    assert spool.is_empty()


def test_draining_nothing_makes_a_spool_and_delivers_nothing(tmp_path: Path):
    assert drain(tmp_path / "new", Carrier()) == Drained()


def test_batches_are_bounded_by_bytes(tmp_path: Path):
    Spool(tmp_path).publish([a_sample(n, size=1000) for n in range(10)])
    carrier = Carrier()

    drain(tmp_path, carrier, batch_bytes=3000)

    assert carrier.calls == 4


def test_while_the_carrier_is_away_everything_stays(tmp_path: Path):
    Spool(tmp_path).publish([an_event(n) for n in range(5)])
    carrier = Carrier()
    carrier.problem = BrokerUnavailable("away")

    with pytest.raises(BrokerUnavailable, match="away"):
        drain(tmp_path, carrier)
    carrier.problem = None

    assert drain(tmp_path, carrier).delivered == 5


@pytest.mark.parametrize("problem", [Unauthenticated("who?"), Forbidden("not you")])
def test_a_carrier_that_refuses_the_sender_does_not_cost_messages(tmp_path: Path, problem):
    Spool(tmp_path).publish([an_event(n) for n in range(5)])
    carrier = Carrier()
    carrier.problem = problem

    with pytest.raises(type(problem)):
        drain(tmp_path, carrier)

    assert len(list((tmp_path / "events").iterdir())) == 5


def test_events_go_while_the_samples_queue_is_full(tmp_path: Path):
    broker = MemoryBroker(max_queue_bytes=100)
    Spool(tmp_path).publish([a_sample(1, 90), a_sample(2, 90), an_event(1)])

    with Drain(tmp_path, broker.publisher(), batch_messages=1) as drain:
        drain.acquire()
        with pytest.raises(BrokerUnavailable, match="full"):
            drain.drain()

    assert not list((tmp_path / "events").glob("*.msg"))
    assert len(list((tmp_path / "samples").glob("*.msg"))) == 1


def test_a_refused_message_is_put_aside_with_its_reason_and_the_rest_goes_on(tmp_path: Path):
    Spool(tmp_path).publish([an_event(n) for n in range(9)])
    carrier = Carrier()
    carrier.refused = {b"event 4"}

    done = drain(tmp_path, carrier)

    assert carrier.taken == [an_event(n) for n in range(9) if n != 4]
    assert (done.delivered, done.quarantined) == (8, 1)
    assert reasons(tmp_path) == ["no such thing as b'event 4'"]


def test_an_unroutable_message_is_put_aside(tmp_path: Path):
    lost = replace(an_event(1), exchange=Exchange.COMMANDS)
    Spool(tmp_path).publish([lost, an_event(2)])
    broker = MemoryBroker()

    with Drain(tmp_path, broker.publisher()) as drain:
        drain.acquire()
        done = drain.drain()

    assert (done.delivered, done.quarantined) == (1, 1)
    assert "no queue is bound" in reasons(tmp_path)[0]


def test_a_file_put_back_from_quarantine_is_delivered(tmp_path: Path):
    Spool(tmp_path).publish([an_event(1)])
    carrier = Carrier()
    carrier.refused = {b"event 1"}
    drain(tmp_path, carrier)
    carrier.refused = set()

    (file,) = (tmp_path / "quarantine").glob("*.msg")
    file.rename(tmp_path / "events" / file.name)

    assert drain(tmp_path, carrier).delivered == 1


WHOLE = encode_file(an_event(1))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no header line"),
        (WHOLE[:-1], "torn"),
        (WHOLE + b"x", "torn"),
        (WHOLE[:40], "no header line"),
        (WHOLE[:-1] + b"?", "crc32"),
        (b"x" * 100_000, "no header line"),
        (b'{"pad":"' + b"x" * 10_000 + b'"}\n', "no header line"),
        (b"[" * 5000 + b"\n", "not JSON"),
        (b"\xff\xfe\n", "not JSON"),
        (WHOLE.replace(b"pilothouse.events", b"pilothouse.wrongs"), "unknown exchange"),
    ],
)
def test_a_hostile_file_is_put_aside_with_its_reason(tmp_path: Path, data: bytes, words: str):
    put(tmp_path, data)
    put(tmp_path, encode_file(an_event(2)), file_name(time.time_ns(), "host", 1, 2))
    carrier = Carrier()

    done = drain(tmp_path, carrier)

    assert carrier.taken == [an_event(2)]
    assert done.quarantined == 1
    assert words in reasons(tmp_path)[0]
    assert (tmp_path / "quarantine" / NAME).read_bytes() == data


def test_a_file_cut_at_any_byte_is_put_aside(tmp_path: Path):
    for cut in range(len(WHOLE)):
        put(tmp_path, WHOLE[:cut], file_name(cut, "host", 1, 1))
    carrier = Carrier()

    done = drain(tmp_path, carrier)

    assert carrier.taken == []
    assert done.quarantined == len(WHOLE) == len(reasons(tmp_path))


def test_a_body_larger_than_the_format_is_not_even_read(tmp_path: Path):
    path = put(tmp_path, b"")
    os.truncate(path, 1 << 40)

    assert drain(tmp_path, Carrier()).quarantined == 1
    assert "too long" in reasons(tmp_path)[0]


def test_only_regular_files_are_opened(tmp_path: Path):
    events = tmp_path / "events"
    events.mkdir()
    secret = tmp_path / "secret"
    secret.write_bytes(WHOLE)
    (events / file_name(1, "h", 1, 1)).symlink_to(secret)
    (events / file_name(2, "h", 1, 1)).mkdir()
    os.mkfifo(events / file_name(3, "h", 1, 1))
    with socket.socket(socket.AF_UNIX) as listener:
        directory = os.open(events, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{directory}/{file_name(4, 'h', 1, 1)}")
        os.close(directory)
    carrier = Carrier()

    done = drain(tmp_path, carrier)

    assert carrier.taken == []
    assert done.quarantined == 4
    assert set(reasons(tmp_path)) == {"not a regular file"}
    assert secret.read_bytes() == WHOLE


def test_foreign_names_are_put_aside_and_dot_files_left_alone(tmp_path: Path):
    put(tmp_path, WHOLE, "README")
    put(tmp_path, WHOLE, "x" * 255)
    put(tmp_path, WHOLE, "README", folder="samples")
    hidden = put(tmp_path, WHOLE, ".nfs0001")
    fresh = put(tmp_path, WHOLE, f".{NAME}.tmp")

    done = drain(tmp_path, Carrier())

    assert done.quarantined == 3
    assert hidden.exists()
    assert fresh.exists()


def test_a_temporary_of_a_dead_writer_is_put_aside_after_an_hour(tmp_path: Path):
    stale = put(tmp_path, WHOLE[:-3], f".{NAME}.tmp")
    os.utime(stale, (time.time() - 7200,) * 2)

    done = drain(tmp_path, Carrier())

    assert done.quarantined == 1
    assert reasons(tmp_path) == ["never finished by its writer"]


@pytest.mark.skipif(
    os.geteuid() == 0 and not shutil.which("setpriv"), reason="needs setpriv as root"
)
def test_a_file_that_may_not_be_read_stays_and_the_rest_goes_on(tmp_path: Path):
    base = Path(tempfile.mkdtemp(dir="/var/tmp"))
    base.chmod(0o777)
    directory = base / "spool"
    (directory / "events").mkdir(parents=True)
    for path in (directory, directory / "events"):
        path.chmod(0o777)
    unreadable = put(directory, WHOLE)
    unreadable.chmod(0)
    readable = put(directory, encode_file(an_event(2)), file_name(time.time_ns(), "h", 1, 2))
    readable.chmod(0o644)
    code = (
        "import json, os, sys; sys.path[:0] = json.loads(sys.argv[2])\n"
        "from pathlib import Path\n"
        "from tests.unit.broker.carriers import Carrier\n"
        "from pilothouse_common.broker.drain import Drain\n"
        "if os.geteuid() == 0:\n"
        "    os.setgroups([])\n"
        "    os.setresuid(65534, 65534, 65534)\n"
        "c = Carrier()\n"
        "with Drain(Path(sys.argv[1]), c) as d: d.acquire(); print(d.drain(), c.bodies)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, str(directory), json.dumps(sys.path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    shutil.rmtree(base)
    assert "unreadable=1" in done.stdout, done.stderr
    assert "quarantined=0" in done.stdout
    assert "[b'event 2']" in done.stdout


def test_only_one_drains_a_directory(tmp_path: Path):
    first = Drain(tmp_path, Carrier())
    second = Drain(tmp_path, Carrier())

    assert first.acquire()
    assert not second.acquire()
    first.close()
    assert second.acquire()
    second.close()


def test_a_drain_can_be_told_to_stop_between_batches(tmp_path: Path):
    Spool(tmp_path).publish([an_event(n) for n in range(10)])
    carrier = Carrier()

    with Drain(tmp_path, carrier, batch_messages=2) as drain:
        drain.acquire()
        drain.drain(stop=lambda: carrier.calls >= 2)

    assert len(carrier.taken) == 4


@given(st.lists(st.binary(max_size=400), max_size=5), st.binary(max_size=100), st.integers(0, 200))
@settings(max_examples=60, deadline=None)
def test_whatever_lies_in_the_folder_a_good_message_gets_through(
    tmp_path_factory: pytest.TempPathFactory, junk: list[bytes], tail: bytes, cut: int
):
    directory = tmp_path_factory.mktemp("spool")
    for number, data in enumerate([*junk, WHOLE[:cut] + tail]):
        put(directory, data, file_name(number, "h", 1, 1))
    put(directory, encode_file(an_event(7)), file_name(99, "h", 1, 1))
    carrier = Carrier()

    done = drain(directory, carrier)

    assert an_event(7) in carrier.taken
    assert done.delivered + done.quarantined == len(junk) + 2
    shutil.rmtree(directory)
