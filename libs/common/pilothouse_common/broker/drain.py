"""Gives a spool's messages to a carrier: in order, events first, each removed after it was taken."""

import errno
import fcntl
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pilothouse_common.broker.port import Publisher
from pilothouse_common.broker.quarantine import put_in_quarantine
from pilothouse_common.broker.spool_format import EVENTS, LOCK, SAMPLES
from pilothouse_common.broker.spool_reader import oldest_names, read_message
from pilothouse_common.broker.spool_wake import Wake
from pilothouse_common.contract.message import Message
from pilothouse_common.errors import (
    BrokerUnavailable,
    Forbidden,
    Malformed,
    NotFound,
    Rejected,
    Unauthenticated,
)

log = logging.getLogger(__name__)

REFUSES_SENDER = (Unauthenticated, Forbidden, NotFound)
"""The carrier does not want this sender; the messages are not at fault and stay."""

Item = tuple[Path, Message]


@dataclass
class Drained:
    """What was done so far.

    Attributes:
        delivered: Messages that the carrier took.
        bytes: Their bodies.
        quarantined: Files put aside.
        unreadable: Files that this user may not read or move; they stay.
    """

    delivered: int = 0
    bytes: int = 0
    quarantined: int = 0
    unreadable: int = 0


def _go_on() -> bool:
    return False


def _say_nothing(_done: Drained) -> None:
    return


class Drain:
    """Drains one directory. Use as a context manager, or call close().

    Args:
        directory: The spool; it need not exist yet.
        publisher: The carrier. The caller closes it.
        batch_messages: Most messages given to the carrier at once.
        batch_bytes: Most bytes given at once, if one message is not larger.
    """

    def __init__(
        self,
        directory: Path,
        publisher: Publisher,
        *,
        batch_messages: int = 256,
        batch_bytes: int = 4 << 20,
    ) -> None:
        self.directory = directory
        self._publisher = publisher
        self._batch_messages = batch_messages
        self._batch_bytes = batch_bytes
        self._lock_fd = -1
        self._wake: Wake | None = None
        self._skip: set[str] = set()

    def __enter__(self) -> "Drain":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def acquire(self) -> bool:
        """Become this directory's only drainer; False while another process is.

        Raises:
            BrokerUnavailable: The directory cannot be used.
        """
        if self._lock_fd >= 0:
            return True
        try:
            self.directory.mkdir(mode=0o770, parents=True, exist_ok=True)
            flags = os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
            fd = os.open(self.directory / LOCK, flags, 0o660)
        except OSError as exc:
            raise BrokerUnavailable(f"spool {self.directory}: {exc.strerror or exc}") from exc
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            if exc.errno not in (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP):
                os.close(fd)
                return False
            # without locks two drainers may send a message twice, which readers allow for
            log.warning("no file locks here", extra={"spool": str(self.directory)})
        self._lock_fd = fd
        self._listen()
        return True

    def wait(self, timeout_seconds: float) -> None:
        """Pause until a writer rings, or rang since the last pause, or the time is over."""
        self._listen().wait(timeout_seconds)

    def _listen(self) -> Wake:
        if self._wake is None:
            self._wake = Wake(self.directory)
        return self._wake

    def close(self) -> None:
        """Let another process drain. Idempotent."""
        if self._wake is not None:
            self._wake.close()
            self._wake = None
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    def drain(
        self,
        *,
        stop: Callable[[], bool] = _go_on,
        progress: Callable[[Drained], None] = _say_nothing,
    ) -> Drained:
        """Deliver all that waits now, and what comes meanwhile.

        Args:
            stop: Asked between batches; true ends it early.
            progress: Told after each batch.

        Raises:
            BrokerUnavailable: The carrier takes nothing now; nothing is lost, try again later.
            Unauthenticated, Forbidden, NotFound: The carrier refuses this sender.
        """
        done = Drained()
        try:
            while not stop() and self._sweep(done, stop, progress):
                pass
        except OSError as exc:
            raise BrokerUnavailable(f"spool {self.directory}: {exc.strerror or exc}") from exc
        done.unreadable = len(self._skip)
        return done

    def _sweep(
        self, done: Drained, stop: Callable[[], bool], progress: Callable[[Drained], None]
    ) -> bool:
        """Go once over what waits; true when there was something."""
        found = False
        for folder in (EVENTS, SAMPLES):
            names = oldest_names(self.directory / folder, self._skip)
            found = found or bool(names)
            while names and not stop():
                if folder == SAMPLES:
                    self._deliver_events(done)
                self._publish(self._take_batch(folder, names, done), done)
                progress(done)
        return found

    def _deliver_events(self, done: Drained) -> None:
        """Events that came meanwhile go before the next samples."""
        names = oldest_names(self.directory / EVENTS, self._skip)
        while names:
            self._publish(self._take_batch(EVENTS, names, done), done)

    def _take_batch(self, folder: str, names: list[str], done: Drained) -> list[Item]:
        """Read files from the front of ``names``, which shrinks."""
        batch: list[Item] = []
        size = taken = 0
        for name in names:
            if len(batch) >= self._batch_messages or size >= self._batch_bytes:
                break
            taken += 1
            item = self._read(self.directory / folder / name, done)
            if item is not None:
                batch.append(item)
                size += len(item[1].body)
        del names[:taken]
        return batch

    def _read(self, path: Path, done: Drained) -> Item | None:
        try:
            return path, read_message(path)
        except FileNotFoundError:
            return None  # dropped by a writer that needed room
        except Malformed as exc:
            self._put_aside(path, str(exc), done)
        except OSError as exc:
            self._leave(path, exc)
        return None

    def _publish(self, batch: Sequence[Item], done: Drained) -> None:
        if not batch:
            return
        try:
            self._publisher.publish([message for _, message in batch])
        except REFUSES_SENDER:
            raise
        except Rejected as exc:
            if len(batch) == 1:
                self._put_aside(batch[0][0], str(exc), done)
                return
            for item in batch:  # find the one at fault, in order
                self._publish([item], done)
            return
        for path, message in batch:
            with suppress(FileNotFoundError):
                os.unlink(path)
            done.delivered += 1
            done.bytes += len(message.body)

    def _put_aside(self, path: Path, reason: str, done: Drained) -> None:
        try:
            put_in_quarantine(self.directory, path, reason)
        except FileNotFoundError:
            return
        except OSError as exc:
            self._leave(path, exc)
            return
        done.quarantined += 1
        log.warning("spool file put in quarantine", extra={"file": str(path), "reason": reason})

    def _leave(self, path: Path, exc: OSError) -> None:
        self._skip.add(path.name)
        log.warning(
            "spool file left alone", extra={"file": str(path), "reason": exc.strerror or str(exc)}
        )
