"""Builders of sample messages."""

import gzip
from collections.abc import Iterable

_ESCAPE = str.maketrans({",": r"\,", " ": r"\ ", "=": r"\="})
_NAME_ESCAPE = str.maketrans({",": r"\,", " ": r"\ "})
NOW = 1_760_000_000
"""A whole second, a multiple of 10, 20 and 40."""


def a_line(
    metric: str = "cpu_load",
    value: object = 1.5,
    time: int = NOW,
    *,
    cluster: str = "alex",
    hostname: str = "node01",
    **tags: str,
) -> str:
    """Return one line as any publisher may write it; type_id becomes the tag type-id, and so on."""
    given = {"cluster": cluster, "hostname": hostname, "type": "node"}
    given |= {name.replace("_", "-"): text for name, text in tags.items()}
    names = "".join(f",{name}={text.translate(_ESCAPE)}" for name, text in sorted(given.items()))
    return f"{metric.translate(_NAME_ESCAPE)}{names} value={value} {time}"


def a_body(*lines: str, end: str = "\n") -> bytes:
    """Return one gzip member, as a message carries it."""
    return gzip.compress(("\n".join(lines) + end).encode(), 1, mtime=0)


def ramp(
    hostname: str, values: Iterable[float], *, start: int = NOW, step: int = 10, **tags: str
) -> bytes:
    """Return a body with one value every ``step`` seconds."""
    lines = [
        a_line(value=value, time=start + index * step, hostname=hostname, **tags)
        for index, value in enumerate(values)
    ]
    return a_body(*lines)
