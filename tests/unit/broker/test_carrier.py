"""The carrier follows from the URL alone; a wrong URL is one clear line without the secret."""

import subprocess
import sys
from pathlib import Path

import pytest
from pilothouse_common.broker.carrier import open_broker, open_publisher
from pilothouse_common.broker.memory import MemoryBroker
from pilothouse_common.broker.port import Publisher
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.topology import INGEST_EVENTS, Exchange
from pilothouse_common.errors import BrokerUnavailable, ConfigError

EVENT = Message(Exchange.EVENTS, "job.started", b"{}", "application/json")


def test_opening_a_carrier_loads_no_heavy_module(tmp_path: Path):
    heavy = "pika urllib3 msgspec ssl http.client pydantic requests pilothouse_common.broker.drain"
    code = (
        "import sys, pilothouse_common.broker.carrier as c\n"
        f"print([m for m in {heavy!r}.split() if m in sys.modules])\n"
        f"c.open_publisher('spool:{tmp_path}')\n"
        f"print([m for m in {heavy!r}.split() if m in sys.modules])\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split("\n")[:2] == ["[]", "[]"]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "scheme"),
        ("mpi:", "only inside pilothouse-standalone job"),
        ("x:", "use one of amqp, amqps, https, http, spool, memory, mpi"),
        ("kafka://h", "scheme 'kafka' is not known"),
        ("amqp://", "expected amqp"),
        ("amqp://u:geheim@h:99999/", "not valid"),
        ("amqp://u:geheim@[::1/", "not valid"),
        ("amqp://u:geheim@h/?hartbeat=3", "unknown option 'hartbeat'"),
        ("amqp://u:geheim@h/?heartbeat_seconds=x", "number of seconds"),
        ("amqp://u:geheim@h/?timeout_seconds=-1", "more than 0"),
        ("amqp://u:geheim@h/?timeout_seconds=nan", "more than 0"),
        ("amqps://u:geheim@h/?ca=/does/not/exist.pem", "cannot read ca"),
        ("memory:", "only inside pilothouse-standalone"),
        ("spool:relative", "absolute path"),
        ("spool://host/path", "absolute path"),
        ("https://", "expected https"),
        ("http://geheim@example.org", "use https"),
        ("https://geheim@example.org:x", "not valid"),
        ("https://geheim@example.org?timeout=1", "unknown option 'timeout'"),
        ("https://geheim@example.org?timeout_seconds=soon", "must be a number"),
        ("https://geheim@example.org?ca=/does/not/exist.pem", "cannot read ca"),
        ("https://geheim@example.org?proxy=http://h:x", "proxy"),
    ],
)
def test_a_wrong_url_is_named_without_its_secret(url: str, words: str):
    with pytest.raises(ConfigError, match=words) as caught:
        open_publisher(url)

    assert "geheim" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://token@gateway", "spool:/tmp/x"])
def test_nobody_can_consume_from_a_one_way_carrier(url: str):
    with pytest.raises(ConfigError, match="use one of amqp, amqps, memory"):
        open_broker(url)


def test_memory_means_the_broker_of_this_process():
    memory = MemoryBroker()

    open_publisher("memory:", memory=memory).publish([EVENT])

    delivery = open_broker("memory:", memory=memory).consumer(INGEST_EVENTS, prefetch=1).receive(1)
    assert delivery is not None
    assert delivery.message == EVENT


def test_a_spool_behind_a_carrier_that_is_away_takes_the_message(tmp_path: Path):
    publisher: Publisher = open_publisher("amqp://u:p@127.0.0.1:1/", spool_dir=tmp_path)

    publisher.publish([EVENT])
    publisher.close()

    assert len(list((tmp_path / "events").glob("*.msg"))) == 1


@pytest.mark.parametrize("url", ["amqp://u:geheim@127.0.0.1:1/", "http://geheim@127.0.0.1:1"])
def test_a_carrier_that_is_away_is_unavailable_at_once_and_tells_no_secret(url: str):
    publisher = open_publisher(url, timeout_seconds=5)

    with pytest.raises(BrokerUnavailable) as caught:
        publisher.publish([EVENT])

    publisher.close()
    assert "geheim" not in str(caught.value)
    assert "127.0.0.1:1" in str(caught.value)
