"""The runs that this node has, in a file beside the socket, so that the next agent knows of them.

A simulation may end while no agent is there. The next one finds its run in the file and its process gone,
and tells that it finished; a process that is still there has its run until it connects again or ends.
"""

import logging
import os
from pathlib import Path

import msgspec

log = logging.getLogger(__name__)
MAX_BYTES = 1 << 20


class Entry(msgspec.Struct, frozen=True):
    """A run and its process.

    Attributes:
        run_id: Of the run.
        pid: Of its process.
        ticks: When that started, clock ticks since boot.
        user: Whose it is.
    """

    run_id: str
    pid: int
    ticks: int
    user: str


class Ledger:
    """Keeps the file; a file that cannot be read or written costs only this knowledge.

    Args:
        path: Of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.absent: dict[str, Entry] = {entry.run_id: entry for entry in self._read()}
        """Runs of earlier agents that have not connected to this one."""
        self._present: dict[str, Entry] = {}

    def connected(self, entry: Entry) -> None:
        """Note a run."""
        self.absent.pop(entry.run_id, None)
        self._present[entry.run_id] = entry
        self._write()

    def ended(self, run_id: str) -> None:
        """Forget a run."""
        if self._present.pop(run_id, None) or self.absent.pop(run_id, None):
            self._write()

    def _read(self) -> list[Entry]:
        try:
            fd = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return []
        except OSError as exc:
            log.warning("earlier runs are not known", extra={"reason": str(exc)})
            return []
        with os.fdopen(fd, "rb") as file:
            if os.fstat(fd).st_uid != os.geteuid():
                log.warning("earlier runs are not known", extra={"reason": "another user's file"})
                return []
            try:
                return msgspec.json.decode(file.read(MAX_BYTES), type=list[Entry])
            except (OSError, msgspec.MsgspecError) as exc:
                log.warning("earlier runs are not known", extra={"reason": str(exc)})
                return []

    def _write(self) -> None:
        data = msgspec.json.encode([*self.absent.values(), *self._present.values()])
        new = self._path.with_name(self._path.name + ".new")
        try:
            new.unlink(missing_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            with os.fdopen(os.open(new, flags, 0o600), "wb") as file:
                file.write(data)
            new.replace(self._path)
        except OSError as exc:
            log.warning("runs are not kept for the next agent", extra={"reason": str(exc)})
