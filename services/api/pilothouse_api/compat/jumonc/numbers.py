"""JuMonC's way to write numbers: as text, with a binary prefix that moves into the key."""

from collections.abc import Sequence

_PREFIXES = ((2**50, "Pi"), (2**40, "Ti"), (2**30, "Gi"), (2**20, "Mi"), (2**10, "Ki"))
_SWITCH = 10
"""A prefix is used from ten of it on: 5 GiB are ``5120.00 MiB``."""
Number = int | float
Entry = dict[str, str]


def with_prefix(value: Number) -> tuple[str, str]:
    """Return a number as text, two decimals unless it is whole and small, and its prefix."""
    for size, prefix in _PREFIXES:
        if value >= _SWITCH * size:
            return f"{value / size:.2f}", prefix
    return (str(value) if isinstance(value, int) else f"{value:.2f}"), ""


def entry(name: str, unit: str, value: Number, *, human: bool) -> Entry:
    """Return ``{"used[GiB]": "20.59"}``, or without prefix ``{"used[B]": "22108000256"}``."""
    text, prefix = with_prefix(value) if human else (str(value), "")
    return {f"{name}[{prefix}{unit}]": text}


def entry_of_many(name: str, unit: str, values: Sequence[Number | None]) -> Entry:
    """Return the values of several nodes as JuMonC prints them: a list inside a text, no prefix."""
    return {f"{name}[{unit}]": str(list(values))}


def parse_bool(text: str | None, default: bool) -> bool:
    """Return what a parameter says; anything else is the default."""
    word = (text or "").strip().lower()
    if word in {"yes", "true", "on", "1"}:
        return True
    return default if word not in {"no", "false", "off", "0", "none"} else False


def parse_int(text: str | None) -> int | None:
    """Return a whole number of up to 18 digits, else None."""
    word = (text or "").strip()
    digits = word.removeprefix("-").removeprefix("+")
    return int(word) if digits.isascii() and digits.isdigit() and len(digits) <= 18 else None


def parse_seconds(text: str | None) -> float:
    """Return a number of seconds; what is none is 0."""
    try:
        seconds = float(text or 0)
    except ValueError:
        return 0.0
    return seconds if seconds > 0 else 0.0  # NaN is not
