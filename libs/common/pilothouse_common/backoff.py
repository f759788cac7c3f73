"""Waiting times between tries: exponential with full jitter, bounded."""

import random
from dataclasses import dataclass, field


@dataclass
class Backoff:
    """Gives the next delay; reset it after a success.

    Attributes:
        first_seconds: Upper bound of the first delay.
        max_seconds: Upper bound of any delay.
    """

    first_seconds: float = 0.1
    max_seconds: float = 15.0
    rng: random.Random = field(default_factory=random.Random, repr=False)
    _tries: int = field(default=0, init=False)

    def next_seconds(self) -> float:
        """Return how long to wait before the next try."""
        ceiling = min(self.max_seconds, self.first_seconds * 2.0 ** min(self._tries, 30))
        self._tries += 1
        return self.rng.uniform(ceiling / 2, ceiling)

    def reset(self) -> None:
        """Start again from the first delay."""
        self._tries = 0
