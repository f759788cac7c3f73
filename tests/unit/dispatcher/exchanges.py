"""Exchanges with real slurmrestds, recorded; white space and ``meta`` are removed from the answers."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pilothouse_dispatcher.slurm.answers import Answer

DIRECTORY = Path(__file__).parent / "fixtures" / "exchanges"
SERVED = [tuple(path.stem.split("-")) for path in sorted(DIRECTORY.glob("*.jsonl"))]
"""(release, version of the API)."""


@dataclass(frozen=True)
class Exchange:
    """One of them."""

    method: str
    path: str
    sent: Any
    answer: Answer


@cache
def exchanges(release: str, version: str) -> dict[str, Exchange]:
    """Return all of one release and version by name."""
    found = {}
    for line in (DIRECTORY / f"{release}-{version}.jsonl").read_text().splitlines():
        row = json.loads(line)
        found[row["name"]] = Exchange(
            row["method"],
            row["path"],
            _read(row["sent"]),
            Answer(row["status"], row["answer"].encode()),
        )
    return found


def _read(text: str | None) -> Any:
    try:
        return json.loads(text or "null")
    except ValueError:
        return text
