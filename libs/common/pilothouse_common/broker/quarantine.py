"""The quarantine of a spool: what cannot be delivered, each file with its reason beside it."""

import os
import time
from contextlib import suppress
from pathlib import Path

from pilothouse_common.broker.spool_format import (
    QUARANTINE,
    REASON_SUFFIX,
    encode_file,
    file_name,
)
from pilothouse_common.contract.message import Message
from pilothouse_common.errors import BrokerUnavailable

_MAX_REASON_CHARACTERS = 4000


def put_in_quarantine(directory: Path, path: Path, reason: str) -> None:
    """Move a file (or whatever it is) out of the way.

    Raises:
        OSError: This user may not move it.
    """
    quarantine = _folder(directory)
    name = path.name.lstrip(".")[:200] or "unnamed"
    target = quarantine / name
    if os.path.lexists(target):
        target = quarantine / f"{name}.{time.time_ns()}"
    os.rename(path, target)
    with suppress(OSError):  # the file matters more than the note
        _note(target, reason)


class Quarantine:
    """Keeps dead letters on disk, for a broker that has no disk of its own.

    Args:
        directory: A spool. To deliver a letter again, move its file to ``events/`` or ``samples/``.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._number = 0

    def keep(self, message: Message, reason: str) -> None:
        """Write a message, as it was published, and why it is here; return when it is on disk.

        Raises:
            BrokerUnavailable: It cannot be written.
        """
        self._number += 1
        name = file_name(time.time_ns(), "dead", os.getpid(), self._number)
        try:
            target = _folder(self._directory) / name
            with target.open("xb") as file:
                file.write(encode_file(message))
                file.flush()
                os.fsync(file.fileno())
            _note(target, reason)
        except OSError as exc:
            raise BrokerUnavailable(f"quarantine {self._directory}: {exc.strerror or exc}") from exc


def _folder(directory: Path) -> Path:
    quarantine = directory / QUARANTINE
    quarantine.mkdir(mode=0o770, parents=True, exist_ok=True)
    return quarantine


def _note(target: Path, reason: str) -> None:
    text = reason.replace("\n", " ")[:_MAX_REASON_CHARACTERS] + "\n"
    note = target.with_name(target.name + REASON_SUFFIX)
    note.write_text(text, encoding="utf-8", errors="replace")
