"""The spool file format: what a writer may write, and that nothing else is taken for a message."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pilothouse_common.broker.spool_format import (
    MAX_HEADER_BYTES,
    decode_file,
    encode_file,
    file_name,
    folder_of,
    is_file_name,
    temporary_name,
)
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.topology import Exchange
from pilothouse_common.errors import Malformed

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
messages = st.builds(
    Message,
    exchange=st.sampled_from(Exchange),
    routing_key=texts,
    body=st.binary(max_size=300),
    content_type=texts,
    content_encoding=texts,
    message_id=texts,
)


@given(messages)
def test_what_is_written_is_what_is_read(message: Message):
    assert decode_file(encode_file(message)) == message


@given(messages, st.data())
def test_a_file_cut_anywhere_is_never_taken_for_a_message(message: Message, data):
    whole = encode_file(message)
    cut = data.draw(st.integers(0, len(whole) - 1))

    with pytest.raises(Malformed):
        decode_file(whole[:cut])


@given(st.binary(max_size=400))
def test_foreign_bytes_are_refused_with_our_error(junk: bytes):
    with pytest.raises(Malformed):
        decode_file(junk)


@given(messages, st.data())
def test_a_changed_body_is_noticed(message: Message, data):
    whole = bytearray(encode_file(message))
    body_start = whole.index(b"\n") + 1
    if body_start == len(whole):
        return
    where = data.draw(st.integers(body_start, len(whole) - 1))
    whole[where] ^= data.draw(st.integers(1, 255))

    with pytest.raises(Malformed, match="damaged"):
        decode_file(bytes(whole))


HEADER = {
    "version": 1,
    "exchange": "pilothouse.events",
    "routing_key": "job.started",
    "body_bytes": 0,
    "crc32": 0,
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 2}, "format 1"),
        ({"exchange": "amq.topic"}, "unknown exchange"),
        ({"exchange": ["pilothouse.events"]}, "unknown exchange"),
        ({"routing_key": 5}, "routing_key"),
        ({"routing_key": None}, "routing_key"),
        ({"routing_key": "x" * 256}, "routing_key"),
        ({"routing_key": "\ud800"}, "routing_key"),
        ({"message_id": {}}, "message_id"),
        ({"body_bytes": -1}, "body_bytes"),
        ({"body_bytes": True}, "body_bytes"),
        ({"body_bytes": 10**30}, "body_bytes"),
        ({"crc32": 2**32}, "crc32"),
        ({"pad": "x" * MAX_HEADER_BYTES}, "no header line"),
    ],
)
def test_a_wrong_header_is_refused_and_named(change, words):
    data = json.dumps({**HEADER, **change}).encode() + b"\n"

    with pytest.raises(Malformed, match=words):
        decode_file(data)


def test_optional_fields_may_be_left_out_and_unknown_ones_are_ignored():
    data = json.dumps({**HEADER, "later": [1]}).encode() + b"\n"

    assert decode_file(data) == Message(Exchange.EVENTS, "job.started", b"", "")


def test_deeply_nested_json_is_refused():
    with pytest.raises(Malformed):
        decode_file(b"[" * 8000 + b"\n")


def test_a_message_that_the_format_cannot_hold_is_refused_when_written():
    with pytest.raises(Malformed, match="routing_key"):
        encode_file(Message(Exchange.EVENTS, "x" * 300, b"", ""))


@given(st.integers(0, 10**20 - 1), st.text(max_size=300), st.integers(1, 2**22))
def test_every_name_given_is_recognised_and_its_temporary_is_not(time_ns, host, pid):
    name = file_name(time_ns, host, pid, 7)

    assert is_file_name(name)
    assert not is_file_name(temporary_name(name))


def test_names_sort_by_time_whatever_the_host():
    assert file_name(99, "zz", 1, 0) < file_name(100, "aa", 1, 0)


def test_samples_are_kept_apart_from_events_and_commands():
    kinds = {e: folder_of(Message(e, "k", b"", "")) for e in Exchange}

    assert kinds[Exchange.SAMPLES] == "samples"
    assert kinds[Exchange.EVENTS] == kinds[Exchange.COMMANDS] == "events"
