"""What ingest can tell of a message of samples without unpacking it."""

import gzip
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pilothouse_common.contract.message import SAMPLES_CONTENT_TYPE, Message
from pilothouse_common.contract.samples import Sample, SampleEncoder, decompress
from pilothouse_common.contract.topology import Exchange
from pilothouse_common.errors import Malformed, Rejected
from pilothouse_common.store.records.database import Records
from pilothouse_common.store.records.nodes import NodeRepository
from pilothouse_ingest.nodes import NodeRegister
from pilothouse_ingest.samples import SamplesHandler

NOW = 1_760_000_000


class StoppedClock:
    def now(self) -> datetime:
        return datetime.fromtimestamp(NOW, UTC)

    elapsed = 0.0

    def monotonic(self) -> float:
        return self.elapsed


class AnyStore:
    """Reading a message asks no store; this one takes what is written."""

    def write(self, bodies: Sequence[bytes]) -> None:
        """Take it."""


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    records = Records(f"sqlite:///{tmp_path}/records.sqlite")
    records.migrate()
    yield records
    records.close()


@pytest.fixture
def handler(records: Records) -> SamplesHandler:
    clock = StoppedClock()
    return SamplesHandler(
        AnyStore(),  # type: ignore[arg-type]  # only written
        clock=clock,
        nodes=NodeRegister(records, clock),
        max_future_seconds=600,
    )


def a_message(body: bytes, encoding: str = "gzip") -> Message:
    return Message(Exchange.SAMPLES, "alex.node01", body, SAMPLES_CONTENT_TYPE, encoding)


def test_a_body_passes_as_it_came(handler: SamplesHandler):
    message = SampleEncoder("alex", "node01").message([Sample("x", 1.0)], NOW)
    assert message is not None

    assert handler.read(message) is message.body


def test_text_is_compressed(handler: SamplesHandler):
    body = handler.read(a_message(b"x value=1 1760000000", ""))

    assert decompress(body) == b"x value=1 1760000000"


@pytest.mark.parametrize("ahead", [0, 600, -86_400])
def test_a_clock_that_is_a_little_wrong_is_tolerated(handler: SamplesHandler, ahead: int):
    message = SampleEncoder("alex", "node01").message([Sample("x", 1.0)], NOW + ahead)
    assert message is not None

    assert handler.read(message)


@pytest.mark.parametrize("header", [True, False])
def test_samples_far_in_the_future_are_refused_with_the_reason(
    handler: SamplesHandler, header: bool
):
    text = f"x value=1 {NOW}\nx value=1 {NOW + 601}\n".encode()
    body = gzip.compress(text, mtime=NOW + 601 if header else 0)

    with pytest.raises(
        Rejected, match=r"alex\.node01: newest at 2025-10-09T09:03:21\+00:00, 601 s ahead"
    ):
        handler.read(a_message(body))


def test_a_time_beyond_every_calendar_is_refused_too(handler: SamplesHandler):
    with pytest.raises(Rejected, match="ahead of this clock"):
        handler.read(a_message(b"x value=1 999999999999999999", ""))


@pytest.mark.parametrize(
    ("body", "encoding", "words"),
    [
        (b"", "gzip", "not a gzip stream"),
        (b"x value=1 1760000000\n", "gzip", "not a gzip stream"),
        (b"\xff\xfe\x00", "", "neither gzip nor UTF-8"),
        (gzip.compress(b"x value=1 1\n", mtime=0), "zstd", "content encoding 'zstd'"),
        (gzip.compress(b"x value=1 1\n", mtime=0)[:-6], "gzip", "cut off"),
        (gzip.compress(b"x value=1 1\n", mtime=9)[:-4] + b"\xff" * 4, "gzip", "4294967295 bytes"),
    ],
)
def test_what_is_no_message_of_samples_is_refused_in_words(
    handler: SamplesHandler, body: bytes, encoding: str, words: str
):
    with pytest.raises(Malformed, match=words):
        handler.read(a_message(body, encoding))


def test_a_host_that_only_sends_samples_becomes_a_node(handler: SamplesHandler, records: Records):
    body = SampleEncoder("alex", "node01").message([Sample("x", 1.0)], NOW)
    assert body is not None
    keys = ["alex.node01", "alex.node02.site.org", "alex.node01", "no-host", "a b.c", "#"]

    items = [handler.read(replace(body, routing_key=key)) for key in keys]
    handler.write(items)

    with records.reading() as session:
        nodes = NodeRepository(session).page().items
    assert [(n.cluster, n.hostname, n.reported_time) for n in nodes] == [
        ("alex", "node01", None),
        ("alex", "node02.site.org", None),
    ]


def test_samples_do_not_wait_for_a_record_store_that_is_away(tmp_path: Path):
    records = Records(f"sqlite:///{tmp_path}/not-migrated.sqlite")
    clock = StoppedClock()
    register = NodeRegister(records, clock)
    register.note("alex.node01")

    register.record()
    records.migrate()
    register.record()
    with records.reading() as session:
        before = NodeRepository(session).page().items
    clock.elapsed = 60.0
    register.record()

    with records.reading() as session:
        after = NodeRepository(session).page().items
    assert [n.hostname for n in before] == []
    assert [n.hostname for n in after] == ["node01"]
    records.close()


@pytest.mark.parametrize("harm", [lambda b: b[:-20], lambda b: b[:30] + b"\0\0" + b[32:]])
def test_a_closer_look_finds_what_is_broken_inside(
    handler: SamplesHandler, harm: Callable[[bytes], bytes]
):
    encoder = SampleEncoder("alex", "node01")
    sound = encoder.message([Sample(f"m{n}", n * 1.7) for n in range(50)], NOW)
    assert sound is not None

    handler.inspect(sound.body)
    with pytest.raises(Malformed, match="gzip"):
        handler.inspect(harm(sound.body))
