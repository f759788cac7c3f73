"""Find what a store refuses: write, and when it refuses split in two until it refuses one."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pilothouse_common.errors import Rejected, Transient

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass
class Splitting(Generic[T]):
    """A batch on its way into a store; go on with ``step`` until ``done``.

    Attributes:
        parts: Index ranges that are still to be written.
        refused: Index and the store's words of each item that it will never take.
    """

    items: Sequence[T]
    parts: list[tuple[int, int]] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.items:
            self.parts.append((0, len(self.items)))

    @property
    def done(self) -> bool:
        """Whether every item is stored or refused."""
        return not self.parts

    def step(self, write: Callable[[Sequence[T]], None]) -> None:
        """Write one part. After StoreUnavailable the same part is next again."""
        begin, end = self.parts[-1]
        items = [self.items[index] for index in range(begin, end) if index not in self.refused]
        try:
            if items:
                write(items)
        except Transient:
            raise
        except Rejected as exc:
            self._split(begin, end, str(exc))
        except Exception as exc:
            if end - begin == 1:
                log.exception("handler failed")
            self._split(begin, end, f"unexpected {type(exc).__name__}: {exc}")
        else:
            self.parts.pop()

    def exclude(self, inspect: Callable[[T], None]) -> None:
        """Refuse the items that do not stand a closer look."""
        for begin, end in self.parts:
            for index in range(begin, end):
                try:
                    inspect(self.items[index])
                except Rejected as exc:
                    self.refused[index] = str(exc)

    def _split(self, begin: int, end: int, reason: str) -> None:
        self.parts.pop()
        if end - begin == 1:
            self.refused[begin] = reason
        else:
            middle = (begin + end) // 2
            self.parts += [(middle, end), (begin, middle)]
