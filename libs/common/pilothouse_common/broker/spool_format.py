r"""One spooled message: its file name and its bytes. Format 1, described in docs/spool.md.

::

    <spool>/events/<time_ns>-<host>-<pid>-<n>.msg
        {"version":1,"exchange":"pilothouse.events","routing_key":"job.started",
         "content_type":"application/cloudevents+json; charset=utf-8","content_encoding":"",
         "message_id":"6f1c","body_bytes":312,"crc32":3735928559}\n
        <body: exactly body_bytes bytes, then the file ends>

(The header is one line.) Writers: ``encode_file`` into a file of the same directory whose name is
``temporary_name``, fsync, rename to ``file_name``, then one byte into the FIFO ``wake``.
This module is pure and imports little: the Slurm hook starts for every job.
"""

import json
import re
import zlib
from typing import NamedTuple

from pilothouse_common.contract.message import Message
from pilothouse_common.contract.topology import Exchange
from pilothouse_common.errors import Malformed

EVENTS = "events"
SAMPLES = "samples"
PRIORITIES = (EVENTS, SAMPLES)
"""Folders of a spool, in the order in which they are drained. Commands count as events."""
QUARANTINE = "quarantine"
WAKE = "wake"
LOCK = "lock"
SUFFIX = ".msg"
REASON_SUFFIX = ".reason"

MAX_HEADER_BYTES = 8192
"""Longest header line, with its newline."""
MAX_BODY_BYTES = 64 << 20
"""Longest body."""
_TEXT_FIELDS = ("routing_key", "content_type", "content_encoding", "message_id")
_MAX_TEXT_BYTES = 255  # AMQP short string
_NAME = re.compile(r"\d{20}-[A-Za-z0-9_.-]{1,200}-\d{1,10}-\d{1,10}\.msg")
_NOT_IN_HOST = re.compile(r"[^A-Za-z0-9_.-]")


def folder_of(message: Message) -> str:
    """Return the folder (priority) of a message."""
    return SAMPLES if message.exchange is Exchange.SAMPLES else EVENTS


def file_name(time_ns: int, host: str, pid: int, number: int) -> str:
    """Return the name of a finished file; names sort by time."""
    return f"{time_ns:020d}-{_NOT_IN_HOST.sub('_', host)[:200] or '_'}-{pid}-{number}{SUFFIX}"


def temporary_name(name: str) -> str:
    """Return the name under which the file is written before it is renamed to ``name``."""
    return f".{name}.tmp"


def is_file_name(name: str) -> bool:
    """Tell whether a name is one that writers give."""
    return _NAME.fullmatch(name) is not None


def encode_file(message: Message) -> bytes:
    """Return the bytes of a spool file.

    Raises:
        Malformed: A field or the body is longer than the format allows.
    """
    for field in _TEXT_FIELDS:
        if not _is_short(getattr(message, field)):
            raise Malformed(f"message {field}: more than {_MAX_TEXT_BYTES} bytes, or not Unicode")
    if len(message.body) > MAX_BODY_BYTES:
        raise Malformed(f"message body: {len(message.body)} bytes, at most {MAX_BODY_BYTES}")
    header = {
        "version": 1,
        "exchange": str(message.exchange),
        **{field: getattr(message, field) for field in _TEXT_FIELDS},
        "body_bytes": len(message.body),
        "crc32": zlib.crc32(message.body),
    }
    return json.dumps(header, separators=(",", ":")).encode() + b"\n" + message.body


def decode_file(data: bytes) -> Message:
    """Read a spool file.

    Raises:
        Malformed: Torn, foreign or damaged: what is wrong, in words for an operator.
    """
    header = decode_header(data)
    body = data[header.body_start :]
    if len(body) != header.body_bytes:
        raise Malformed(f"torn: the body has {len(body)} of {header.body_bytes} bytes")
    if zlib.crc32(body) != header.crc32:
        raise Malformed("damaged: the body does not have the header's crc32")
    return Message(
        header.exchange,
        header.routing_key,
        body,
        header.content_type,
        header.content_encoding,
        header.message_id,
    )


class Header(NamedTuple):
    """A checked header, and where in the file the body starts."""

    exchange: Exchange
    routing_key: str
    content_type: str
    content_encoding: str
    message_id: str
    body_bytes: int
    crc32: int
    body_start: int


def decode_header(data: bytes) -> Header:
    """Read the header; ``data`` may hold only the beginning of the file.

    Raises:
        Malformed: No header of format 1.
    """
    end = data.find(b"\n", 0, MAX_HEADER_BYTES)
    if end < 0:
        raise Malformed(f"not a spool file: no header line within {MAX_HEADER_BYTES} bytes")
    try:
        fields = json.loads(data[:end])
    except (ValueError, RecursionError) as exc:
        raise Malformed(f"not a spool file: the header is not JSON ({exc})") from exc
    if not isinstance(fields, dict) or fields.get("version") != 1:
        raise Malformed('not a spool file of format 1: the header has no "version":1')
    return Header(
        _exchange(fields.get("exchange")),
        _text(fields, "routing_key", None),
        _text(fields, "content_type", ""),
        _text(fields, "content_encoding", ""),
        _text(fields, "message_id", ""),
        _number(fields, "body_bytes", MAX_BODY_BYTES),
        _number(fields, "crc32", 0xFFFFFFFF),
        end + 1,
    )


def _exchange(value: object) -> Exchange:
    try:
        return Exchange(str(value))
    except ValueError as exc:
        raise Malformed(f"header: unknown exchange {str(value)[:100]!r}") from exc


def _text(fields: dict[str, object], name: str, default: str | None) -> str:
    value = fields.get(name, default)
    if not isinstance(value, str) or not _is_short(value):
        raise Malformed(f"header: {name} must be text of at most {_MAX_TEXT_BYTES} bytes")
    return value


def _number(fields: dict[str, object], name: str, most: int) -> int:
    value = fields.get(name)
    if type(value) is not int or not 0 <= value <= most:
        raise Malformed(f"header: {name} must be a number from 0 to {most}")
    return value


def _is_short(text: str) -> bool:
    try:
        return len(text.encode()) <= _MAX_TEXT_BYTES
    except UnicodeEncodeError:  # a lone surrogate, which JSON can spell
        return False
