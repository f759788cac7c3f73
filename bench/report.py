"""One form for every benchmark: a figure of ours beside a peer's or a limit, their ratio, and the aim."""

import json
import os
import platform
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report.

    Attributes:
        what: What was measured, with its unit.
        ours: Our value.
        peer: The other's value, or None where the aim is absolute.
        peer_name: Who or what the other is.
        aim: The aim as a bound on the ratio (or, without a peer, on the value).
        at_most: Whether the aim is an upper bound.
    """

    what: str
    ours: float
    peer: float | None = None
    peer_name: str = ""
    aim: float | None = None
    at_most: bool = True

    @property
    def ratio(self) -> float | None:
        """Ours over the peer's."""
        return self.ours / self.peer if self.peer else None

    @property
    def reached(self) -> bool | None:
        """Whether the aim is reached; None without an aim."""
        value = self.ours if self.peer is None else self.ratio
        if self.aim is None or value is None:
            return None
        return value <= self.aim if self.at_most else value >= self.aim


def show(title: str, figures: Iterable[Figure]) -> None:
    """Print a table; as JSON lines too when PILOTHOUSE_BENCH_JSON names a file."""
    figures = list(figures)
    print(
        f"\n{title}  ({platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()})"
    )
    print(f"  {'figure':<58} {'ours':>10} {'peer':>10} {'ratio':>7}  {'aim':<9} peer")
    for f in figures:
        aim = "" if f.aim is None else f"{'≤' if f.at_most else '≥'} {f.aim:g}"
        mark = {None: " ", True: "✓", False: "✗"}[f.reached]
        peer = "" if f.peer is None else f"{f.peer:.4g}"
        ratio = "" if f.ratio is None else f"{f.ratio:.2f}"
        print(f"{mark} {f.what:<58} {f.ours:>10.4g} {peer:>10} {ratio:>7}  {aim:<9} {f.peer_name}")
    target = os.environ.get("PILOTHOUSE_BENCH_JSON")
    if target:
        with open(target, "a", encoding="utf-8") as file:
            for f in figures:
                file.write(json.dumps({"title": title, **asdict(f), "ratio": f.ratio}) + "\n")


def progress(text: str) -> None:
    """Say on standard error what is going on."""
    end = "\r" if sys.stderr.isatty() else "\n"
    print(f"  {text:<76}", end=end, file=sys.stderr, flush=True)
