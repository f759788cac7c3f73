"""What waits in a spool."""

import fcntl
import os
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
from pilothouse_common.broker.spool import waiting
from pilothouse_common.broker.spool_format import EVENTS, LOCK, QUARANTINE, REASON_SUFFIX, SAMPLES
from pilothouse_common.errors import ConfigError

from pilothouse_sender.progress import columns, shown_bytes


@dataclass(frozen=True)
class Status:
    """One spool. ``oldest_seconds`` is the age of the oldest waiting message, None without any."""

    directory: str
    events: int
    samples: int
    bytes: int
    oldest_seconds: float | None
    quarantined: int
    reasons: list[str]
    drained_now: bool


def look(directory: Path) -> Status:
    """Return the state of a spool without changing it.

    Raises:
        ConfigError: No such directory, or it cannot be read.
    """
    try:
        os.listdir(directory)
        events, samples = (waiting(directory / folder) for folder in (EVENTS, SAMPLES))
        reasons = sorted((directory / QUARANTINE).glob("*" + REASON_SUFFIX))
        files = [*events, *samples]
        oldest = min((_time_of(path) for path, _ in files), default=None)
        return Status(
            directory=str(directory),
            events=len(events),
            samples=len(samples),
            bytes=sum(size for _, size in files),
            oldest_seconds=None if oldest is None else max(0.0, time.time() - oldest),
            quarantined=len(reasons),
            reasons=[_reason(path) for path in reasons[-5:]],
            drained_now=_is_locked(directory / LOCK),
        )
    except OSError as exc:
        raise ConfigError(f"{directory}: {exc.strerror or exc}") from exc


def as_text(spools: Iterable[Status]) -> str:
    """Return a table and the latest reasons."""
    spools = list(spools)
    head = ("SPOOL", "EVENTS", "SAMPLES", "SIZE", "OLDEST", "QUARANTINE", "DRAINED NOW")
    rows = [
        (
            s.directory,
            str(s.events),
            str(s.samples),
            shown_bytes(s.bytes),
            "-" if s.oldest_seconds is None else f"{s.oldest_seconds:.0f} s",
            str(s.quarantined),
            "yes" if s.drained_now else "no",
        )
        for s in spools
    ]
    reasons = "".join(f"{s.directory}: {reason}\n" for s in spools for reason in s.reasons)
    return columns([head, *rows]) + reasons


def as_json(spools: Iterable[Status]) -> str:
    """Return a JSON array."""
    return msgspec.json.encode([asdict(s) for s in spools]).decode() + "\n"


def _time_of(path: str) -> float:
    return int(Path(path).name[:20]) / 1e9


def _reason(path: Path) -> str:
    try:
        with path.open("rb") as file:
            text = file.read(4096).decode(errors="replace").strip()
    except OSError as exc:
        text = exc.strerror or str(exc)
    return f"{path.name.removesuffix(REASON_SUFFIX)}: {text}"


def _is_locked(path: Path) -> bool:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False
