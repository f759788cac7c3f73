"""Slurm's host list expressions: ``n[001-003,7],b07,r[1-2]c[1-2]-ib``.

Source: Slurm's hostlist(3) and `scontrol show hostnames`. Imports nothing: the Slurm
hook loads it for every job.
"""

MAX_HOSTS = 65_536
"""As Slurm's own limit on one expression."""
MAX_NAME = 255
MAX_GROUPS = 8
"""Bracket groups in one name; Slurm has nodes of up to five dimensions."""


def expand_hostlist(text: str, limit: int = MAX_HOSTS) -> list[str]:
    """Return the names in the order written; duplicates stay.

    Raises:
        ValueError: Not a host list, or more than ``limit`` names. Nothing is built beyond the limit.
    """
    names: list[str] = []
    for expression in _split(text):
        names.extend(_expand_one(expression, limit - len(names)))
    return names


def _split(text: str) -> list[str]:
    """Cut at the commas that are outside of brackets."""
    parts: list[str] = []
    depth = start = 0
    for index, char in enumerate(text):
        if char == "[":
            depth += 1
        elif char == "]":
            depth -= 1
        elif char == "," and not depth:
            parts.append(text[start:index])
            start = index + 1
        if not 0 <= depth <= 1:
            raise ValueError(f"brackets do not pair at character {index}")
    if depth:
        raise ValueError("a bracket is not closed")
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip()]


def _expand_one(expression: str, limit: int) -> list[str]:
    """Expand one name with any number of bracket groups; the last group turns fastest."""
    prefix, *groups = expression.split("[")
    if len(groups) > MAX_GROUPS:
        raise ValueError(f"more than {MAX_GROUPS} bracket groups in one name")
    names = [_checked(prefix)]
    for group in groups:
        inside, _, after = group.partition("]")
        numbers = _expand_ranges(inside, limit // max(1, len(names)))
        names = [_checked(name + number + after) for name in names for number in numbers]
    if len(names) > limit:
        raise ValueError(f"more than {MAX_HOSTS} hosts")
    return names


def _expand_ranges(text: str, limit: int) -> list[str]:
    numbers: list[str] = []
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        high = high if dash else low
        if not (_is_number(low) and _is_number(high)):
            raise ValueError(f"{part[:40]!r} is not a number or a range")
        first, last = int(low), int(high)
        if last < first:
            raise ValueError(f"range {part[:40]!r} goes backwards")
        if len(numbers) + last - first + 1 > limit:
            raise ValueError(f"more than {MAX_HOSTS} hosts")
        numbers.extend(str(number).zfill(len(low)) for number in range(first, last + 1))
    return numbers


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18


def _checked(name: str) -> str:
    if len(name) > MAX_NAME or not name.isprintable() or " " in name:
        raise ValueError(f"{name[:40]!r} is not a host name")
    return name
