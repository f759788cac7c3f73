"""Carriers for tests: one that keeps what it takes and can be told to fail."""

import threading
from collections.abc import Sequence

from pilothouse_common.contract.message import Message
from pilothouse_common.contract.topology import Exchange
from pilothouse_common.errors import PilothouseError, Rejected


class Carrier:
    """Takes everything unless ``problem`` is set; refuses bodies in ``refused`` for what they are."""

    def __init__(self) -> None:
        self.taken: list[Message] = []
        self.calls = 0
        self.problem: PilothouseError | None = None
        self.refused: set[bytes] = set()
        self._lock = threading.Lock()

    @property
    def bodies(self) -> list[bytes]:
        return [m.body for m in self.taken]

    def publish(self, messages: Sequence[Message]) -> None:
        with self._lock:
            self.calls += 1
            if self.problem:
                raise self.problem
            bad = [m for m in messages if m.body in self.refused]
            if bad:
                raise Rejected(f"no such thing as {bad[0].body!r}")
            self.taken += messages

    def close(self) -> None:
        """Nothing to release."""


def an_event(number: int, key: str = "job.started") -> Message:
    return Message(Exchange.EVENTS, key, f"event {number}".encode(), "application/json")


def a_sample(number: int, size: int = 0) -> Message:
    body = f"sample {number}".encode().ljust(size)
    return Message(Exchange.SAMPLES, "c.n1", body, "text/plain", "gzip")
