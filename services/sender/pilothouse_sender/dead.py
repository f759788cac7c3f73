"""The ``dead`` commands: an operator's view of the dead letters."""

from collections.abc import Sequence
from typing import TextIO

import msgspec
from pilothouse_common.broker.dead_letters import DeadLetter, DeadLetters
from pilothouse_common.contract.message import Message
from pilothouse_common.contract.samples import decompress
from pilothouse_common.errors import Malformed, NotFound

from pilothouse_sender.progress import columns

_SHOWN_CHARACTERS = 10_000


def choose(letters: Sequence[DeadLetter], ids: Sequence[str], reason: str) -> list[DeadLetter]:
    """Return the letters with one of these ids (or beginnings of ids) and this text in the reason.

    No ids: all that have the text.

    Raises:
        NotFound: An id that no letter has.
    """
    for wanted in ids:
        if not any(letter.id.startswith(wanted) for letter in letters):
            raise NotFound(f"no dead letter {wanted!r}; see: pilothouse-sender dead list")
    return [
        letter
        for letter in letters
        if reason in letter.reason and (not ids or letter.id.startswith(tuple(ids)))
    ]


def list_letters(letters: Sequence[DeadLetter], out: TextIO, *, as_json: bool) -> None:
    """Write one line per letter."""
    if as_json:
        rows = [
            {
                "id": letter.id,
                "origin": letter.origin,
                "routing_key": letter.message.routing_key,
                "message_id": letter.message.message_id,
                "body_bytes": len(letter.message.body),
                "reason": letter.reason,
            }
            for letter in letters
        ]
        out.write(msgspec.json.encode(rows).decode() + "\n")
        return
    head = ("ID", "ORIGIN", "ROUTING KEY", "BYTES", "REASON")
    out.write(
        columns(
            [
                head,
                *(
                    (
                        letter.id,
                        printable(letter.origin),
                        printable(letter.message.routing_key),
                        str(len(letter.message.body)),
                        printable(letter.reason)[:200],
                    )
                    for letter in letters
                ),
            ]
        )
    )


def show_letters(letters: Sequence[DeadLetter], out: TextIO) -> None:
    """Write letters whole, samples unpacked."""
    for letter in letters:
        message = letter.message
        out.write(
            f"id:           {letter.id}\n"
            f"reason:       {printable(letter.reason)}\n"
            f"origin:       {printable(letter.origin)}\n"
            f"routing key:  {printable(message.routing_key)}\n"
            f"message id:   {printable(message.message_id)}\n"
            f"content type: {printable(message.content_type)} {printable(message.content_encoding)}\n"
            f"\n{_text_of(message)}\n\n"
        )


def replay(box: DeadLetters, letters: Sequence[DeadLetter], out: TextIO) -> None:
    """Publish letters again."""
    out.write(f"{box.replay(letters)} replayed\n")


def drop(box: DeadLetters, letters: Sequence[DeadLetter], out: TextIO) -> None:
    """Forget letters."""
    box.drop(letters)
    out.write(f"{len(letters)} dropped\n")


def printable(text: str) -> str:
    """Return text that cannot steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _text_of(message: Message) -> str:
    body = message.body
    if message.content_encoding == "gzip":
        try:
            body = decompress(body, limit_bytes=1 << 20)
        except Malformed as exc:
            return f"({exc})\n{printable(body[:200].decode(errors='backslashreplace'))}"
    lines = body.decode(errors="backslashreplace")[:_SHOWN_CHARACTERS].split("\n")
    return "\n".join(printable(line) for line in lines)
