"""What the prolog noted about the jobs of this node: ``<state dir>/jobs/<job id>``, small JSON files.

The hook writes one when a job starts here and removes it when the job ends (docs/slurm-hooks.md). What
an epilog that never ran left behind is removed here, an hour after the job was last seen.
"""

import os
from collections.abc import Collection
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pilothouse_agent.host import Host

STALE_SECONDS = 3600
MAX_NOTES = 10_000


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """One job on this node.

    Attributes:
        job_id: Slurm's number.
        sluid: Slurm's other name of this run of the job, from 25.11.
        user: Login name.
        uid: User's number.
        gpu_ids: The node's device indices, as Slurm counts them.
        start_time: Unix seconds at which the prolog ran.
    """

    job_id: int
    sluid: str = ""
    user: str = ""
    uid: int | None = None
    gpu_ids: tuple[str, ...] = ()
    start_time: int = 0


class Notes:
    """Reads each note once; what is no note is left out.

    Args:
        host: The node.
        directory: Of the notes, below the node's ``/``.
    """

    def __init__(self, host: "Host", directory: str) -> None:
        self._host = host
        self._directory = directory
        self._known: dict[str, tuple[int, Note | None]] = {}
        self._without_job: dict[str, float] = {}

    def read(self) -> dict[str, Note]:
        """Return all notes by job id."""
        known: dict[str, tuple[int, Note | None]] = {}
        for name in self._host.names(self._directory)[:MAX_NOTES]:
            changed = self._changed(name) if name.isdecimal() else None
            if changed is not None:
                before = self._known.get(name)
                same = before is not None and before[0] == changed
                known[name] = before if before is not None and same else (changed, self._one(name))
        self._known = known
        return {name: note for name, (_, note) in known.items() if note is not None}

    def sweep(self, running: Collection[str]) -> None:
        """Remove the notes of jobs that have had no cgroup for an hour.

        Args:
            running: Ids of the jobs that have one now.
        """
        now = self._host.clock.monotonic()
        without = {
            name: self._without_job.get(name, now) for name in self._known if name not in running
        }
        for name, since in without.items():
            if now - since >= STALE_SECONDS:
                self._remove(name)
        self._without_job = without

    def _changed(self, name: str) -> int | None:
        try:
            return os.lstat(self._host.path(f"{self._directory}/{name}")).st_mtime_ns
        except OSError:
            return None  # the epilog was faster

    def _one(self, name: str) -> Note | None:
        try:
            note = msgspec.json.decode(self._host.read(f"{self._directory}/{name}"), type=Note)
        except (msgspec.MsgspecError, ValueError):
            return None
        return note if str(note.job_id) == name else None

    def _remove(self, name: str) -> None:
        try:
            os.unlink(self._host.path(f"{self._directory}/{name}"))
        except OSError:
            return  # an agent that is not root reads only
