"""Reads a spool that anybody may have written to: order, kinds of files, size limits."""

import errno
import heapq
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from pilothouse_common.broker.spool_format import (
    MAX_BODY_BYTES,
    MAX_HEADER_BYTES,
    decode_file,
    decode_header,
    is_file_name,
)
from pilothouse_common.contract.message import Message
from pilothouse_common.errors import Malformed

LISTED_AT_ONCE = 10_000
"""Names held in memory; more are listed again when these are done."""
TEMPORARY_SECONDS = 3600.0
"""After this a temporary file's writer is taken for dead."""


def oldest_names(folder: Path, skip: frozenset[str] | set[str] = frozenset()) -> list[str]:
    """Return the names of waiting files in order, at most LISTED_AT_ONCE of them."""
    return heapq.nsmallest(LISTED_AT_ONCE, (name for name in _names(folder) if name not in skip))


def _names(folder: Path) -> Iterator[str]:
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        return
    with entries:
        for entry in entries:
            if not entry.name.startswith(".") or _is_abandoned(entry):
                yield entry.name


def _is_abandoned(entry: os.DirEntry[str]) -> bool:
    if not entry.name.endswith(".tmp"):
        return False
    try:
        age = time.time() - entry.stat(follow_symlinks=False).st_mtime
    except OSError:
        return False
    return age > TEMPORARY_SECONDS


def read_message(path: Path) -> Message:
    """Return the message in a file.

    Raises:
        Malformed: It is not one; for quarantine.
        OSError: It cannot be read by this user, or now; it stays where it is.
    """
    if path.name.startswith("."):
        raise Malformed("never finished by its writer")
    if not is_file_name(path.name):
        raise Malformed("not a name that writers give")
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as exc:
        if exc.errno in (errno.ELOOP, errno.ENXIO):
            raise Malformed("not a regular file") from exc
        raise
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise Malformed("not a regular file")
        return _read(fd, status.st_size)
    finally:
        os.close(fd)


def _read(fd: int, size: int) -> Message:
    if size > MAX_HEADER_BYTES + MAX_BODY_BYTES:
        raise Malformed(f"too long: {size} bytes")
    head = os.read(fd, MAX_HEADER_BYTES)
    header = decode_header(head)
    expected = header.body_start + header.body_bytes
    if size != expected:
        raise Malformed(f"torn: the file has {size} of {expected} bytes")
    parts = [head]
    left = expected - len(head)
    while left > 0:
        part = os.read(fd, left)
        if not part:
            break
        parts.append(part)
        left -= len(part)
    return decode_file(b"".join(parts))
