"""How well the node's clock is kept. Source: adjtimex(2), which time daemons tell what they know."""

import struct

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import CollectorUnavailable, Host

TIMEX = struct.Struct("@Illlli")  # modes, offset, freq, maxerror, esterror, status
UNSYNCHRONIZED = 0x0040  # STA_UNSYNC
NANOSECONDS = 0x2000  # STA_NANO: the offset's unit; else microseconds
MICROSECOND = 1e-6
PPM_PER_UNIT = 1 / 65536  # freq has 16 binary places


class ClockCollector:
    """Asks the kernel, and compares the wall clock with the monotonic one, which nobody can set."""

    name = "clock"

    def __init__(self, host: Host, options: Options) -> None:  # noqa: ARG002 the shape of all
        self._clock = host.clock
        self._kernel = host.kernel
        self._between: float | None = None
        try:
            self._kernel.adjtimex()
        except OSError as exc:
            raise CollectorUnavailable(f"adjtimex: {exc.strerror}") from exc

    def collect(self) -> list[Sample]:
        """Return offset, errors and whether the clock is kept at all; by how much it was set."""
        _state, buffer = self._kernel.adjtimex()
        _modes, offset, frequency, largest, estimated, status = TIMEX.unpack_from(buffer)
        unit = 1e-9 if status & NANOSECONDS else MICROSECOND
        samples = [
            Sample("time_synchronized", 0 if status & UNSYNCHRONIZED else 1),
            Sample("time_offset", offset * unit),
            Sample("time_estimated_error", estimated * MICROSECOND),
            Sample("time_maximum_error", largest * MICROSECOND),
            Sample("time_frequency_ppm", frequency * PPM_PER_UNIT),
        ]
        before = self._between
        self._between = self._clock.now().timestamp() - self._clock.monotonic()
        if before is not None:
            samples.append(Sample("time_step", self._between - before))
        return samples

    def close(self) -> None:
        """Nothing is open."""
