"""Counters that are read together. Source: perf_event_open(2), PERF_FORMAT_GROUP.

A group is on the hardware all at once or not at all; when others (a user's profiler too) want the same
counters the kernel takes turns, and what was counted is scaled by the part of the time.
"""

import os
import struct
from collections.abc import Sequence

from pilothouse_agent.counters.pmu import Event
from pilothouse_agent.kernel import Kernel

ATTRIBUTES = struct.Struct("=IIQQQQQIIQQ")  # struct perf_event_attr, PERF_ATTR_SIZE_VER1
ENABLED, RUNNING, GROUP = 1, 2, 8  # read_format
HEADER_WORDS = 3  # number of values, time enabled, time running
WORD_BYTES = 8

Reading = tuple[int, ...]


class CounterGroup:
    """The same events on each of several hardware threads; a thread that goes offline is dropped.

    Raises:
        OSError: One of them cannot be opened; none stays open.
    """

    def __init__(self, kernel: Kernel, events: Sequence[Event], cpus: Sequence[int]) -> None:
        self._kernel = kernel
        self._size = (HEADER_WORDS + len(events)) * WORD_BYTES
        self._words = struct.Struct(f"={HEADER_WORDS + len(events)}Q")
        self._open: dict[int, list[int]] = {}
        self._before: dict[int, Reading] = {}
        try:
            for cpu in cpus:
                descriptors = self._open.setdefault(cpu, [])
                for event in events:
                    leader = descriptors[0] if descriptors else -1
                    descriptors.append(kernel.perf_event_open(_attributes(event), cpu, leader))
        except OSError:
            self.close()
            raise

    def increases(self) -> dict[int, list[float] | None]:
        """Return by hardware thread what each event counted since the last call.

        None: the first call, or the group was not on the hardware.
        """
        found: dict[int, list[float] | None] = {}
        for cpu, descriptors in list(self._open.items()):
            data = self._kernel.read(descriptors[0], self._size)
            if len(data) < self._size:
                _close_all(self._open.pop(cpu))
                continue
            now = self._words.unpack(data)
            before = self._before.get(cpu)
            self._before[cpu] = now
            found[cpu] = None if before is None else _scaled(before, now)
        return found

    def close(self) -> None:
        """Close all. Idempotent."""
        for descriptors in self._open.values():
            _close_all(descriptors)
        self._open = {}


def _scaled(before: Reading, now: Reading) -> list[float] | None:
    enabled, running = now[1] - before[1], now[2] - before[2]
    if running <= 0:
        return None
    k = enabled / running
    return [(b - a) * k for a, b in zip(before[HEADER_WORDS:], now[HEADER_WORDS:], strict=True)]


def _attributes(event: Event) -> bytes:
    read_format = ENABLED | RUNNING | GROUP
    return ATTRIBUTES.pack(
        event.type,
        ATTRIBUTES.size,
        event.config,
        0,
        0,
        read_format,
        0,
        0,
        0,
        event.config1,
        event.config2,
    )


def _close_all(descriptors: list[int]) -> None:
    for descriptor in reversed(descriptors):
        os.close(descriptor)
