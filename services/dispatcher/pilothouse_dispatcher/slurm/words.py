"""Values as sbatch(1) takes them, turned into seconds, bytes and times."""

import re
from datetime import UTC, datetime, timedelta

from pilothouse_dispatcher.slurm.description import UNLIMITED_SECONDS

_UNLIMITED = ("unlimited", "infinite", "0", "-1")
_TIME = re.compile(
    r"(?:(?P<days>\d{1,6})-(?P<day_hours>\d{1,2})(?::(?P<day_minutes>\d{1,2})(?::(?P<day_seconds>\d{1,2}))?)?"
    r"|(?P<hours>\d{1,7}):(?P<minutes>\d{1,2}):(?P<seconds>\d{1,2})"
    r"|(?P<only_minutes>\d{1,9})(?::(?P<minute_seconds>\d{1,2}))?)"
)
_MEMORY = re.compile(r"(\d{1,12})([KMGT])?B?", re.IGNORECASE)
_FACTOR = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_NOW = re.compile(r"now(?:\+(\d{1,9})(second|minute|hour|day|week)?s?)?", re.IGNORECASE)
_UNIT_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}


def seconds_of(text: str) -> int:
    """Read a time limit: ``90``, ``90:30``, ``1:30:00``, ``2-12``, ``2-12:30``, ``2-12:30:00``, ….

    Raises:
        ValueError: None of these.
    """
    if text.lower() in _UNLIMITED:
        return UNLIMITED_SECONDS
    found = _TIME.fullmatch(text)
    if not found:
        raise ValueError("expected minutes, minutes:seconds, hours:minutes:seconds or days-hours…")
    part = {name: int(value) for name, value in found.groupdict(default="0").items()}
    return (
        part["days"] * 86_400
        + (part["day_hours"] + part["hours"]) * 3600
        + (part["day_minutes"] + part["minutes"] + part["only_minutes"]) * 60
        + part["day_seconds"] + part["seconds"] + part["minute_seconds"]
    )  # fmt: skip


def bytes_of(text: str) -> int:
    """Read an amount of memory: ``4000`` (MiB), ``4G``, ``512M``.

    Raises:
        ValueError: Not such an amount.
    """
    found = _MEMORY.fullmatch(text)
    if not found or int(found[1]) == 0:
        raise ValueError(
            "expected a size like 4000 (MiB), 512M or 4G; 0, all memory, is not taken here"
        )
    return int(found[1]) * _FACTOR[(found[2] or "M").upper()]


def time_of(text: str, now: datetime) -> datetime:
    """Read a begin time: ``now+2hours``, ``2030-01-31T08:00:00`` (UTC, unless it has an offset).

    Raises:
        ValueError: Not such a time.
    """
    found = _NOW.fullmatch(text)
    if found:
        return now + timedelta(
            seconds=int(found[1] or 0) * _UNIT_SECONDS[(found[2] or "second").lower()]
        )
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise ValueError("expected now+2hours or a time like 2030-01-31T08:00:00") from exc
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def range_of(text: str) -> tuple[int, int]:
    """Read a number of nodes: ``4`` or ``2-8``.

    Raises:
        ValueError: Not such a number.
    """
    found = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", text)
    if not found:
        raise ValueError("expected a number of nodes, 4 or 2-8")
    least = int(found[1])
    return least, int(found[2] or least)
