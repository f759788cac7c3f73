"""Writing into a spool: durable, ordered, bounded; events are worth more than samples."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from pilothouse_common.broker.spool import Spool
from pilothouse_common.broker.spool_format import decode_file
from pilothouse_common.broker.spool_wake import Wake
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.topology import Exchange
from pilothouse_common.errors import BrokerUnavailable

from tests.support.provide import missing
from tests.unit.broker.carriers import a_sample, an_event


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*"))


def stored(folder: Path) -> list[Message]:
    return [decode_file((folder / name).read_bytes()) for name in names(folder)]


def test_each_message_is_a_file_of_its_own_in_order(tmp_path: Path):
    spool = Spool(tmp_path / "s")
    events = [an_event(n) for n in range(20)]

    spool.publish([*events[:10], a_sample(1)])
    spool.publish(events[10:])

    assert stored(tmp_path / "s/events") == events
    assert stored(tmp_path / "s/samples") == [a_sample(1)]


def test_commands_are_kept_with_the_events(tmp_path: Path):
    command = Message(Exchange.COMMANDS, "run.1.cancel", b"{}", "application/json")

    Spool(tmp_path).publish([command])

    assert stored(tmp_path / "events") == [command]


def test_an_empty_spool_says_so(tmp_path: Path):
    spool = Spool(tmp_path)
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / ".0-temporary.msg.tmp").touch()

    before = spool.is_empty()
    spool.publish([a_sample(1)])

    assert before
    assert not spool.is_empty()


def test_the_oldest_samples_go_first_and_are_counted(tmp_path: Path):
    spool = Spool(tmp_path, max_bytes=20_000)

    spool.publish([an_event(0)])
    for number in range(40):
        spool.publish([a_sample(number, size=1000)])

    left = [int(m.body.split()[1]) for m in stored(tmp_path / "samples")]
    assert left == list(range(40 - len(left), 40))
    assert 8 <= len(left) <= 18
    assert spool.dropped == 40 - len(left)
    assert stored(tmp_path / "events") == [an_event(0)]


def test_events_push_samples_out_but_never_each_other(tmp_path: Path):
    spool = Spool(tmp_path, max_bytes=20_000)
    big = [
        Message(Exchange.EVENTS, "k", str(n).encode().ljust(1000), "application/json")
        for n in range(40)
    ]
    spool.publish([a_sample(n, size=1000) for n in range(10)])
    taken = []

    def fill() -> None:
        for event in big:
            spool.publish([event])
            taken.append(event)

    with pytest.raises(BrokerUnavailable, match="full"):
        fill()

    assert 14 <= len(taken) <= 18
    assert stored(tmp_path / "events") == taken
    assert stored(tmp_path / "samples") == []
    with pytest.raises(BrokerUnavailable, match="full"):
        spool.publish([a_sample(1)])


def test_several_writers_together_keep_the_bound(tmp_path: Path):
    spools = [Spool(tmp_path, max_bytes=64_000, host=f"h{n}") for n in range(4)]

    def write(spool: Spool) -> None:
        for number in range(60):
            spool.publish([a_sample(number, size=1000)])

    threads = [threading.Thread(target=write, args=(spool,)) for spool in spools]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    size = sum(path.stat().st_size for path in (tmp_path / "samples").iterdir())
    assert size <= 64_000 * (1 + 4 / 16) + 4 * 1200
    assert sum(s.dropped for s in spools) == 240 - len(names(tmp_path / "samples"))


def test_a_directory_that_cannot_be_is_an_unavailable_carrier(tmp_path: Path):
    (tmp_path / "file").touch()

    with pytest.raises(BrokerUnavailable, match="file"):
        Spool(tmp_path / "file" / "spool").publish([an_event(1)])


def test_nothing_is_left_behind_when_a_file_cannot_be_finished(tmp_path: Path):
    spool = Spool(tmp_path)
    spool.publish([an_event(1)])
    before = names(tmp_path / "events")
    limited = (
        "import resource, signal, sys; from pathlib import Path\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "from pilothouse_common.broker.spool import Spool\n"
        "from pilothouse_common.errors import BrokerUnavailable\n"
        "from tests.unit.broker.carriers import a_sample\n"
        "from pilothouse_common.contract.topology import Exchange\n"
        "from dataclasses import replace\n"
        "try: Spool(Path(sys.argv[1])).publish([replace(a_sample(1, 9000), exchange=Exchange.EVENTS)])\n"
        "except BrokerUnavailable as exc: print('refused:', exc)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", limited, str(tmp_path)], capture_output=True, text=True, check=True
    )

    assert done.stdout.startswith("refused:")
    assert names(tmp_path / "events") == before


def test_a_writer_wakes_the_drainer(tmp_path: Path):
    wake = Wake(tmp_path)
    woken = threading.Event()

    def wait() -> None:
        wake.wait(30)
        woken.set()

    thread = threading.Thread(target=wait)
    thread.start()
    Spool(tmp_path).publish([an_event(1)])

    assert woken.wait(5)
    thread.join()
    wake.close()


@pytest.mark.parametrize("kind", ["file", "symlink", "directory", "full FIFO"])
def test_whatever_is_called_wake_cannot_hold_a_writer_up(tmp_path: Path, kind: str):
    path = tmp_path / "wake"
    target = tmp_path / "target"
    target.write_bytes(b"precious")
    reader = -1
    if kind == "file":
        path.write_bytes(b"precious")
    elif kind == "symlink":
        path.symlink_to(target)
    elif kind == "directory":
        path.mkdir()
    else:
        os.mkfifo(path)
        reader = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        os.write(reader, b"x" * 65536)

    Spool(tmp_path).publish([an_event(1)])
    wake = Wake(tmp_path)
    wake.wait(0.05)
    wake.close()

    assert target.read_bytes() == b"precious"
    if kind == "file":
        assert path.read_bytes() == b"precious"
    if reader >= 0:
        os.close(reader)


FULL_DISK = """
mount -t tmpfs -o size=256k none "$1" && exec "$2" - "$1" <<'PYTHON'
import sys
from pathlib import Path
from pilothouse_common.broker.spool import Spool
from pilothouse_common.errors import BrokerUnavailable
from tests.unit.broker.carriers import a_sample, an_event
spool = Spool(Path(sys.argv[1]))
for number in range(200):
    spool.publish([a_sample(number, size=1000)])
kept = sorted(path.name for path in Path(sys.argv[1], "samples").iterdir())
events = 0
try:
    for number in range(200):
        spool.publish([an_event(number)])
        events += 1
except BrokerUnavailable as exc:
    print(exc)
print(len(kept), spool.dropped, events, len(list(Path(sys.argv[1], "events").iterdir())))
PYTHON
"""


OWN_MOUNTS = (
    ["unshare", "--mount"]
    if os.geteuid() == 0
    else ["unshare", "--user", "--map-root-user", "--mount"]
)


def test_on_a_full_disk_the_oldest_samples_make_room_and_events_do_not(tmp_path: Path):
    done = subprocess.run(
        [
            *OWN_MOUNTS,
            *("sh", "-c", FULL_DISK, "sh", str(tmp_path), sys.executable),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare" in done.stderr:
        missing(f"no mount of its own here: {done.stderr.strip()}")

    problem, counts = done.stdout.splitlines()
    kept, dropped, told, events = map(int, counts.split())
    assert "No space left on device" in problem
    assert 0 < kept < 100
    assert dropped == 200
    assert told == events > 0
