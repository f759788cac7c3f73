"""What ranks say to each other: msgpack arrays whose first item is the frame's name."""

import msgspec
from msgspec import Struct

from pilothouse_common.contract.message import Message
from pilothouse_common.errors import Malformed


class Hello(Struct, frozen=True, tag="hello", array_like=True):
    """Exchanged once at the start.

    Attributes:
        hostname: Name of the node that the rank is on.
        problem: Why rank 0 cannot start; empty: it can.
        facts: What rank 0 tells the others, by name.
    """

    hostname: str
    problem: str = ""
    facts: dict[str, str] = {}


class Batch(Struct, frozen=True, tag="batch", array_like=True):
    """To rank 0: messages to take responsibility for."""

    number: int
    messages: list[Message]


class Taken(Struct, frozen=True, tag="taken", array_like=True):
    """From rank 0: what became of a batch.

    Attributes:
        number: The batch's.
        error: Name of the error's class; empty: all of it is safe.
        reason: The error's words.
    """

    number: int
    error: str = ""
    reason: str = ""


class Bind(Struct, frozen=True, tag="bind", array_like=True):
    """To rank 0: commands whose routing key fits one of these patterns are wanted here."""

    binding_keys: tuple[str, ...]


class Command(Struct, frozen=True, tag="command", array_like=True):
    """From rank 0: a command that somebody here has bound."""

    message: Message


class End(Struct, frozen=True, tag="end", array_like=True):
    """From rank 0: it is over."""

    reason: str


class Gone(Struct, frozen=True, tag="gone", array_like=True):
    """To rank 0: nothing more comes from here; this rank is ready to leave."""


Frame = Hello | Batch | Taken | Bind | Command | End | Gone
_DECODER = msgspec.msgpack.Decoder(Frame)


def encode(frame: Frame) -> bytes:
    """Return the bytes of a frame."""
    return msgspec.msgpack.encode(frame)


def decode(data: bytes) -> Frame:
    """Return a frame.

    Raises:
        Malformed: It is none; ranks of different versions were started together.
    """
    try:
        frame: Frame = _DECODER.decode(data)
    except msgspec.MsgspecError as exc:
        raise Malformed(f"ranks: not a frame of this version: {exc}") from exc
    return frame
