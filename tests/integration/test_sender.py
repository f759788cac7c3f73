"""pilothouse-sender as a real process: drains to a real RabbitMQ, is killed, says what it did."""

import json
import os
import pty
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from pilothouse_common.broker.drain import Drain
from pilothouse_common.broker.port import Disposition
from pilothouse_common.broker.rabbitmq import RabbitBroker
from pilothouse_common.broker.spool import Spool
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.samples import samples_message
from pilothouse_common.contract.topology import INGEST_EVENTS, INGEST_SAMPLES, Exchange

from tests.support.brokers import an_event, receive
from tests.support.process import Program, eventually, free_port

SENDER = [sys.executable, "-m", "pilothouse_sender"]


@pytest.fixture
def broker(rabbitmq_url: str) -> Iterator[RabbitBroker]:
    broker = RabbitBroker(rabbitmq_url)
    yield broker
    broker.close()


def sender(url: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SENDER, *arguments],
        env={**os.environ, "PILOTHOUSE_BROKER_URL": url, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def numbered(source: str, count: int) -> list[Message]:
    return [
        Message(Exchange.EVENTS, "job.started", f"{source} {n}".encode(), "application/json")
        for n in range(count)
    ]


def bodies_of(broker: RabbitBroker, count: int) -> list[str]:
    consumer = broker.consumer(INGEST_EVENTS, prefetch=5000)
    return [d.message.body.decode() for d in receive(consumer, count)]


def test_several_spools_are_drained_each_in_its_order(
    tmp_path: Path, rabbitmq_url: str, broker: RabbitBroker
):
    for name in "abc":
        Spool(tmp_path / name).publish(numbered(name, 300))
    Spool(tmp_path / "a").publish([samples_message("c.n1", b"m,type=node value=1 1\n")])

    done = sender(rabbitmq_url, "drain", *(str(tmp_path / name) for name in "abc"))

    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr
    assert f"{tmp_path}/a: 301 delivered" in done.stdout
    got = bodies_of(broker, 900)
    for name in "abc":
        assert [b for b in got if b.startswith(name)] == [f"{name} {n}" for n in range(300)]
    assert receive(broker.consumer(INGEST_SAMPLES, prefetch=1), 1)


def test_a_killed_sender_is_resumed_without_loss_and_in_order(
    tmp_path: Path, rabbitmq_url: str, broker: RabbitBroker
):
    spool = tmp_path / "spool"
    Spool(spool).publish(numbered("n", 3000))
    env = {"PILOTHOUSE_BROKER_URL": rabbitmq_url, "PILOTHOUSE_BATCH_MESSAGES": "5"}

    for round_ in range(2):
        before = len(list((spool / "events").iterdir()))
        program = Program([*SENDER, "drain", str(spool)], log=tmp_path / f"{round_}.log", env=env)
        program.start()
        eventually(
            lambda before=before: len(list((spool / "events").iterdir())) < before - 200,  # type: ignore[misc]
            within=30,
            every=0.002,
        )
        program.kill()
    left = len(list((spool / "events").iterdir()))
    done = sender(rabbitmq_url, "drain", str(spool))

    assert 0 < left < 2600
    assert done.returncode == 0, done.stderr
    consumer = broker.consumer(INGEST_EVENTS, prefetch=6000)
    got: list[str] = []
    while "n 2999" not in got:
        got += [d.message.body.decode() for d in receive(consumer, 1)]
    assert list(dict.fromkeys(got)) == [f"n {n}" for n in range(3000)]
    assert len(got) <= 3000 + 2 * 5


def test_follow_hands_over_what_comes_and_stops_when_told(
    tmp_path: Path, rabbitmq_url: str, broker: RabbitBroker
):
    spool = tmp_path / "made-by-it"
    port = free_port()
    program = Program(
        [*SENDER, "drain", "--follow", str(spool)],
        log=tmp_path / "log",
        env={"PILOTHOUSE_BROKER_URL": rabbitmq_url, "PILOTHOUSE_HEALTH_PORT": str(port)},
    ).start()
    consumer = broker.consumer(INGEST_EVENTS, prefetch=10)
    try:
        eventually((spool / "wake").exists, within=20)
        for number in range(3):
            Spool(spool).publish([an_event(number)])
            (got,) = receive(consumer, 1)
            assert got.message == an_event(number)
        ready = fetch(port, "readyz")
        eventually(
            lambda: "pilothouse_sender_messages_total 3.0" in fetch(port, "metrics"), within=5
        )
    finally:
        code = program.stop(within=5)

    assert json.loads(ready) == {"carrier": "ok"}
    assert code == 0, program.output()


def fetch(port: int, page: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}", timeout=5) as answer:
        text: str = answer.read().decode()
    return text


def test_without_a_broker_everything_stays_and_the_exit_code_says_so(tmp_path: Path):
    Spool(tmp_path).publish([an_event(1)])

    done = sender(f"amqp://u:geheim@127.0.0.1:{free_port()}/", "drain", str(tmp_path))

    assert done.returncode == 1
    assert "0 delivered" in done.stdout or "broker amqp://u@127.0.0.1" in done.stdout
    assert "geheim" not in done.stdout + done.stderr
    assert len(list((tmp_path / "events").iterdir())) == 1


def test_files_in_quarantine_are_told_by_the_exit_code(tmp_path: Path, rabbitmq_url: str):
    Spool(tmp_path).publish([an_event(1)])
    (tmp_path / "events" / "foreign").write_bytes(b"?")

    done = sender(rabbitmq_url, "drain", "--once", str(tmp_path))

    assert done.returncode == 3, done.stdout + done.stderr
    assert "1 delivered, 1 put in" in done.stdout


def test_a_spool_that_another_process_drains_is_left_to_it(tmp_path: Path, rabbitmq_url: str):
    class Nowhere:
        def publish(self, messages: object) -> None:
            """Never called."""

        def close(self) -> None:
            """Nothing to release."""

    with Drain(tmp_path, Nowhere()) as other:
        assert other.acquire()
        done = sender(rabbitmq_url, "drain", str(tmp_path))
        status = json.loads(sender("memory:", "status", "--json", str(tmp_path)).stdout)

    assert done.returncode == 1
    assert "another process drains it" in done.stdout
    assert status[0]["drained_now"] is True


def test_a_terminal_sees_a_bar(tmp_path: Path, rabbitmq_url: str):
    Spool(tmp_path).publish(numbered("n", 500))
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*SENDER, "drain", str(tmp_path)],
        env={
            **os.environ,
            "PILOTHOUSE_BROKER_URL": rabbitmq_url,
            "PILOTHOUSE_BATCH_MESSAGES": "50",
        },
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:
        pass  # Linux's way to say that the other end is closed
    os.close(ours)

    assert process.wait(10) == 0
    assert b"of 500" in shown
    assert b"500 delivered" in shown


@pytest.mark.parametrize(
    ("arguments", "env", "words"),
    [
        (["drain", "/does/not/exist"], {}, "no such directory"),
        (["status", "/does/not/exist"], {}, "No such file or directory"),
        (["drain", "."], {"PILOTHOUSE_BROKER_URL": "mpi:"}, "use one of"),
        (["drain", "."], {"PILOTHOUSE_BATCH_MESSAGES": "many"}, "PILOTHOUSE_BATCH_MESSAGES"),
        (["dead", "drop"], {}, "--all"),
        (["dead", "list"], {"PILOTHOUSE_BROKER_URL": "https://t@gateway"}, "use one of amqp"),
    ],
)
def test_a_wrong_argument_or_setting_is_one_line_and_exit_2(
    arguments: list[str], env: dict[str, str], words: str
):
    env = {"PILOTHOUSE_BROKER_URL": "amqp://127.0.0.1:1/", **env}

    done = sender(env.pop("PILOTHOUSE_BROKER_URL"), *arguments, **env)

    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_spool_is_not_drained_into_itself(tmp_path: Path):
    Spool(tmp_path).publish([an_event(1)])

    done = sender(f"spool:{tmp_path}", "drain", str(tmp_path))

    assert done.returncode == 2
    assert "into itself" in done.stderr


def test_a_spool_can_be_moved_into_another(tmp_path: Path):
    Spool(tmp_path / "node").publish(numbered("n", 10))

    done = sender(f"spool:{tmp_path}/shared", "drain", str(tmp_path / "node"))

    assert done.returncode == 0
    assert len(list((tmp_path / "shared/events").glob("*.msg"))) == 10


def test_status_says_what_waits_and_changes_nothing(tmp_path: Path):
    spool = Spool(tmp_path / "s")
    spool.publish([an_event(1), an_event(2), samples_message("c.n1", b"m value=1 1\n")])
    (tmp_path / "s/quarantine").mkdir()
    (tmp_path / "s/quarantine/x.reason").write_text("torn\n")
    before = sorted(tmp_path.rglob("*"))

    text = sender("", "status", str(tmp_path / "s"))
    (status,) = json.loads(sender("", "status", "--json", str(tmp_path / "s")).stdout)

    assert text.returncode == 0
    assert "x: torn" in text.stdout
    assert (status["events"], status["samples"], status["quarantined"]) == (2, 1, 1)
    assert 0 <= status["oldest_seconds"] < 60
    assert status["drained_now"] is False
    assert sorted(tmp_path.rglob("*")) == before


def bury(broker: RabbitBroker, *messages: tuple[Message, str]) -> None:
    """Make dead letters."""
    broker.publisher().publish([message for message, _ in messages])
    consumer = broker.consumer(INGEST_EVENTS, prefetch=100)
    for delivery in receive(consumer, len(messages)):
        reason = next(r for m, r in messages if m == delivery.message)
        consumer.settle([delivery], Disposition.DEAD_LETTER, reason)
    consumer.close()


def test_dead_letters_are_listed_shown_replayed_and_dropped(
    rabbitmq_url: str, broker: RabbitBroker
):
    evil = Message(Exchange.EVENTS, "job.started", b"evil \x1b[2J", "application/json")
    bury(
        broker, (an_event(1), "no job_id"), (an_event(2), "no cluster"), (evil, "not JSON \x1b[2J")
    )

    listed = json.loads(sender(rabbitmq_url, "dead", "list", "--json").stdout)
    ids = {row["reason"]: row["id"] for row in listed}
    shown = sender(rabbitmq_url, "dead", "show", ids["no job_id"][:6])
    table = sender(rabbitmq_url, "dead", "show")
    replayed = sender(rabbitmq_url, "dead", "replay", ids["no job_id"])
    dropped = sender(rabbitmq_url, "dead", "drop", "--reason", "not JSON")
    left = sender(rabbitmq_url, "dead", "list")
    unknown = sender(rabbitmq_url, "dead", "show", "feedfeed")

    assert [row["origin"] for row in listed] == ["pilothouse.events"] * 3
    assert "event 1" in shown.stdout
    assert "event 2" not in shown.stdout
    assert "\x1b" not in table.stdout + left.stdout
    assert replayed.stdout == "1 replayed\n"
    assert dropped.stdout == "1 dropped\n"
    assert "no cluster" in left.stdout
    assert len(left.stdout.splitlines()) == 2
    assert unknown.returncode == 1
    assert "no dead letter 'feedfeed'" in unknown.stderr
    (again,) = receive(broker.consumer(INGEST_EVENTS, prefetch=5), 1)
    assert again.message == an_event(1)
