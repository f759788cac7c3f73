"""Builders of sample messages."""

import gzip
from collections.abc import Iterable

from pilothouse_common.contract.samples import Sample, SampleEncoder

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
    """Return one line; tag names with underscores become the wire's (type_id -> type-id)."""
    sample = Sample(
        metric,
        0.0,
        tags.get("type", "node"),
        tags.get("type_id", ""),
        tags.get("stype", ""),
        tags.get("stype_id", ""),
        tags.get("jobid", ""),
    )
    text = SampleEncoder(cluster, hostname).lines([sample], time)
    return text.replace("value=0.0", f"value={value}").rstrip("\n")


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
