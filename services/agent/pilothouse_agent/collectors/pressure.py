"""Pressure stall information: part of the time in which tasks waited. Source: kernel's psi.rst."""

from pilothouse_common.contract.samples import Sample

from pilothouse_agent.collectors.port import Options
from pilothouse_agent.host import CollectorUnavailable, Host, KeptFile
from pilothouse_agent.rates import Field, Row, counter

RESOURCES = ("cpu", "io", "memory", "irq")
PERCENT_PER_MICROSECOND = 1e-4
NEVER_STALLED = "cpu_full"  # for a whole node the kernel says 0


class PressureCollector:
    """Reads lines ``some avg10=0.12 avg60=0.05 avg300=0.01 total=4711`` of each resource."""

    name = "pressure"

    def __init__(self, host: Host, options: Options) -> None:
        self._clock = host.clock
        self._all = options.all_fields
        self._rows: dict[str, Row] = {}
        self._files: dict[str, KeptFile] = {}
        for resource in RESOURCES:
            try:
                self._files[resource] = host.open(f"proc/pressure/{resource}")
            except CollectorUnavailable as exc:
                reason = str(exc)
        if not self._files:
            raise CollectorUnavailable(f"{reason} (kernel without PSI, or booted with psi=0)")

    def collect(self) -> list[Sample]:
        """Return averages of 10 s, and the part of the interval in which tasks waited."""
        samples: list[Sample] = []
        for resource, file in self._files.items():
            for line in file.read().splitlines():
                words = line.replace(b"=", b" ").split()
                name = f"{resource}_{words[0].decode('ascii', 'replace')}"
                row = self._rows.get(name)
                if row is None:
                    row = self._rows[name] = Row(self._fields(name))
                values = [float(words[2]), float(words[4]), float(words[6]), int(words[8])]
                samples += row.samples(values, self._clock.monotonic())
        return samples

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()

    def _fields(self, name: str) -> list[Field | None]:
        metric = f"pressure_{name}"
        share = counter(metric, PERCENT_PER_MICROSECOND)
        if self._all:
            return [*(Field(f"{metric}_{avg}") for avg in ("avg10", "avg60", "avg300")), share]
        return [] if name == NEVER_STALLED else [Field(f"{metric}_avg10"), None, None, share]
