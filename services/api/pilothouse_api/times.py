"""Times in requests: RFC 3339, Unix seconds, or relative to now."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Query
from pilothouse_common.errors import Malformed

_RELATIVE = re.compile(r"-(\d{1,9})(s|m|h|d|w)")
_NUMBER = re.compile(r"\d{1,12}(\.\d{1,9})?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)

TimeQuery = Annotated[
    str | None,
    Query(
        max_length=40,
        description="RFC 3339 (`2026-11-20T12:00:00Z`), Unix seconds (`1795176000`), relative (`-1h`; "
        "s, m, h, d, w) or `now`",
        examples=["-1h"],
    ),
]


def parse_time(name: str, text: str, now: datetime) -> datetime:
    """Return the aware UTC time that a parameter says.

    Raises:
        Malformed: None of the forms, or outside 1970 to 2200.
    """
    try:
        time = _read(text, now)
    except (ValueError, OverflowError):
        time = None
    if time is None:
        raise Malformed(
            f"{name}: {text!r} is no time; use RFC 3339 with a zone, Unix seconds or -1h"
        )
    if not EARLIEST <= time <= LATEST:
        raise Malformed(f"{name}: {text!r} is outside 1970 to 2200")
    return time


def _read(text: str, now: datetime) -> datetime | None:
    if text == "now":
        return now
    if match := _RELATIVE.fullmatch(text):
        return now - timedelta(seconds=int(match[1]) * _SECONDS[match[2]])
    if _NUMBER.fullmatch(text):
        return datetime.fromtimestamp(float(text), UTC)
    # a '+' that was not percent-encoded arrives as a space
    time = datetime.fromisoformat(text.replace(" ", "+") if text[10:11] in "Tt" else text)
    return time.astimezone(UTC) if time.tzinfo else None


def parse_window(
    start: str | None, end: str | None, now: datetime
) -> tuple[datetime | None, datetime | None]:
    """Return both ends of a window, None where it is open.

    Raises:
        Malformed: Not a time, or the start is not before the end.
    """
    first = parse_time("start", start, now) if start is not None else None
    last = parse_time("end", end, now) if end is not None else None
    if first is not None and last is not None and first >= last:
        raise Malformed(f"start: {start!r} is not before end {end!r}")
    return first, last
