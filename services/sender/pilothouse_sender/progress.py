"""What a person sees while spools are drained: one moving line on a terminal, plain lines elsewhere."""

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TextIO

from pilothouse_common.broker.drain import Drained

_WIDTH = 30
_EVERY_SECONDS = 0.1


class Progress:
    """Counts over all spools. Used by several threads.

    Args:
        out: Where to write.
        waiting: Messages that wait at the start, over all spools; 0: not known.
    """

    def __init__(self, out: TextIO, *, waiting: int = 0) -> None:
        self._out = out
        self._waiting = waiting
        self._bar = out.isatty()
        self._lock = threading.Lock()
        self._done: dict[Path, tuple[int, int]] = {}
        self._start = time.monotonic()
        self._shown_at = 0.0

    def of(self, directory: Path) -> Callable[[Drained], None]:
        """Return the function that a drain of this directory calls."""

        def update(done: Drained) -> None:
            with self._lock:
                self._done[directory] = (done.delivered, done.bytes)
                self._show()

        return update

    def report(self, directory: Path, done: Drained | None, problem: str) -> None:
        """Write the line that ends a directory."""
        parts = []
        if done is not None:
            parts.append(f"{done.delivered} delivered")
        elif directory in self._done:
            parts.append(f"{self._done[directory][0]} delivered")
        if done is not None and done.quarantined:
            parts.append(f"{done.quarantined} put in {directory}/quarantine")
        if problem:
            parts.append(problem)
        with self._lock:
            self._clear()
            self._out.write(f"{directory}: {', '.join(parts)}\n")
            self._out.flush()

    def finish(self) -> None:
        """Leave the terminal tidy."""
        with self._lock:
            self._clear()

    def _clear(self) -> None:
        if self._bar:
            self._out.write("\r\x1b[K")
            self._out.flush()

    def _show(self) -> None:
        now = time.monotonic()
        if not self._bar or now - self._shown_at < _EVERY_SECONDS:
            return
        self._shown_at = now
        messages, size = (sum(column) for column in zip(*self._done.values(), strict=True))
        self._out.write(f"\r\x1b[K{self._line(messages, size, now - self._start)}")
        self._out.flush()

    def _line(self, messages: int, size: int, seconds: float) -> str:
        rate = messages / seconds if seconds > 0 else 0.0
        text = f"{messages} messages, {shown_bytes(size)}, {rate:.0f}/s"
        if not self._waiting:
            return text
        filled = min(_WIDTH, _WIDTH * messages // self._waiting)
        return f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {text} of {self._waiting}"


def shown_bytes(size: float) -> str:
    """Return a size for people."""
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def columns(rows: Iterable[tuple[str, ...]]) -> str:
    """Return rows as text in aligned columns."""
    table = list(rows)
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        + "\n"
        for row in table
    )
