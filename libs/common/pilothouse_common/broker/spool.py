"""Writes messages into a spool: a carrier that needs nothing but a directory. Layout: docs/spool.md.

Bounded: when the directory would grow over its limit the oldest samples go first and are counted;
events never go. Several processes and hosts may write; each looks at the directory's real size from
time to time, so the limit is overshot by at most a sixteenth per writer.
"""

import errno
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from pilothouse_common.broker.spool_format import (
    EVENTS,
    PRIORITIES,
    SAMPLES,
    encode_file,
    file_name,
    folder_of,
    is_file_name,
    temporary_name,
)
from pilothouse_common.broker.spool_wake import ring
from pilothouse_common.contract.message import Message
from pilothouse_common.errors import BrokerUnavailable

log = logging.getLogger(__name__)
DEFAULT_MAX_BYTES = 1 << 30
_FULL_FOR_SECONDS = 1.0
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class Spool:
    """A Publisher into a directory.

    Args:
        directory: Made when it is not there.
        max_bytes: Bound on all waiting messages.
        host: Part of the file names; this machine's name by default.

    Attributes:
        dropped: Samples messages that this object removed to make room.
    """

    def __init__(
        self, directory: Path, *, max_bytes: int = DEFAULT_MAX_BYTES, host: str = ""
    ) -> None:
        self.directory = directory
        self.dropped = 0
        self._max_bytes = max_bytes
        self._host = host or socket.gethostname()
        self._lock = threading.Lock()
        self._last_ns = 0
        self._number = 0
        self._bytes = 0
        self._unchecked_bytes = max_bytes  # makes the first publish look
        self._full_until = 0.0

    def publish(self, messages: Sequence[Message]) -> None:
        """Write one file per message and return when they are safe on disk.

        Raises:
            BrokerUnavailable: The spool is full of events, or the directory cannot be written.
            Malformed: A message that the format cannot hold.
        """
        files = [(folder_of(message), encode_file(message)) for message in messages]
        with self._lock:
            try:
                self._make_room(sum(len(data) for _, data in files))
                self._write_all(files)
            except OSError as exc:
                raise BrokerUnavailable(f"spool {self.directory}: {exc.strerror or exc}") from exc
        ring(self.directory)

    def close(self) -> None:
        """Nothing to release."""

    def is_empty(self) -> bool:
        """Tell whether nothing waits, as far as this user can see."""
        try:
            return not any(waiting(self.directory / folder) for folder in PRIORITIES)
        except OSError:
            return True

    def _write_all(self, files: Sequence[tuple[str, bytes]]) -> None:
        for folder, data in files:
            try:
                self._write(folder, data)
            except OSError as exc:
                if exc.errno not in _NO_SPACE or not self._drop_samples(2 * len(data)):
                    raise
                self._write(folder, data)
            self._bytes += len(data)
            self._unchecked_bytes += len(data)
        for folder in {folder for folder, _ in files}:
            _sync_directory(self.directory / folder)

    def _write(self, folder: str, data: bytes) -> None:
        self._last_ns = max(time.time_ns(), self._last_ns + 1)
        self._number += 1
        name = file_name(self._last_ns, self._host, os.getpid(), self._number)
        target = self.directory / folder / name
        temporary = self.directory / folder / temporary_name(name)
        try:
            fd = _create(temporary)
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(fd, view) :]
                os.fsync(fd)
            finally:
                os.close(fd)
            os.rename(temporary, target)
        except OSError:
            with suppress(OSError):
                os.unlink(temporary)
            raise

    def _make_room(self, need: int) -> None:
        if time.monotonic() < self._full_until:
            raise self._full()
        trusted = self._unchecked_bytes < self._max_bytes // 16
        if trusted and self._bytes + need <= self._max_bytes:
            return
        self._bytes = sum(
            size for folder in PRIORITIES for _, size in waiting(self.directory / folder)
        )
        self._unchecked_bytes = 0
        excess = self._bytes + need - self._max_bytes
        if excess > 0:
            self._drop_samples(excess + self._max_bytes // 20)
            if self._bytes + need > self._max_bytes:
                self._full_until = time.monotonic() + _FULL_FOR_SECONDS
                raise self._full()

    def _drop_samples(self, at_least: int) -> int:
        """Remove the oldest samples; return the bytes freed."""
        freed = count = 0
        for path, size in sorted(waiting(self.directory / SAMPLES)):
            if freed >= at_least:
                break
            with suppress(OSError):
                os.unlink(path)
                freed += size
                count += 1
        self._bytes -= freed
        self.dropped += count
        if count:
            log.warning(
                "spool full: oldest samples dropped",
                extra={"spool": str(self.directory), "messages": count, "bytes": freed},
            )
        return freed

    def _full(self) -> BrokerUnavailable:
        return BrokerUnavailable(
            f"spool {self.directory}: full, {self._max_bytes} bytes of events wait"
        )


def waiting(folder: Path) -> list[tuple[str, int]]:
    """Return path and size of every finished file in one folder, in no order."""
    return list(_scan(folder))


def _scan(folder: Path) -> Iterator[tuple[str, int]]:
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        return
    with entries:
        for entry in entries:
            if is_file_name(entry.name):
                with suppress(OSError):  # gone meanwhile
                    yield entry.path, entry.stat(follow_symlinks=False).st_size


def _create(path: Path) -> int:
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o640)
    except FileNotFoundError:
        for folder in (EVENTS, SAMPLES):
            os.makedirs(path.parent.parent / folder, mode=0o770, exist_ok=True)
        return os.open(path, flags, 0o640)


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as exc:
        if exc.errno != errno.EINVAL:  # some network file systems cannot sync a directory
            raise
    finally:
        os.close(fd)
