"""What every make of accelerator tells the same way: who it is, its samples, its processes."""

from dataclasses import dataclass
from typing import Protocol

from pilothouse_common.contract.samples import Sample


@dataclass(frozen=True, slots=True)
class Identity:
    """One accelerator, or one MIG instance of it.

    Attributes:
        bus_id: PCI address as sysfs writes it, ``0000:3b:00.0``: the ``type-id`` of its samples.
        index: Its number in the vendor's tools.
        minor: N of ``/dev/nvidiaN``, which Slurm counts by; -1: unknown.
        uuid: The vendor's unique name, or "".
        model: As the vendor prints it, or "".
        mig: ``<GPU instance>/<compute instance>`` of a MIG instance, else "".
    """

    bus_id: str
    index: int
    minor: int = -1
    uuid: str = ""
    model: str = ""
    mig: str = ""

    @property
    def tags(self) -> tuple[str, str, str, str]:
        """Return ``type``, ``type_id``, ``stype`` and ``stype_id`` of its samples."""
        return ("accelerator", self.bus_id, "mig" if self.mig else "", self.mig)


@dataclass(frozen=True, slots=True)
class Process:
    """One process at work on a device; ``mem_used`` in bytes, None where the driver does not tell."""

    pid: int
    mem_used: int | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What one device tells now."""

    identity: Identity
    samples: list[Sample]
    processes: list[Process]


class DeviceGone(Exception):
    """A device, or its whole driver, does not answer any more; the message says which and why."""


class NotOffered(Exception):
    """This card, driver or permission never gives this value."""


class NoValue(Exception):
    """There is no value this time."""


class Device(Protocol):
    """One accelerator with all of its parts."""

    identity: Identity

    def read(self, monotonic_seconds: float) -> list[Reading]:
        """Return the whole device's reading, then those of its MIG instances.

        Raises:
            DeviceGone: It has to be found anew.
        """

    def close(self) -> None:
        """Release what it holds. Idempotent."""


def process_samples(reading: Reading) -> list[Sample]:
    """Return the memory of each process of a reading, ``stype=process``."""
    of = reading.identity
    return [
        Sample(
            "acc_process_mem_used",
            each.mem_used,
            "accelerator",
            of.bus_id,
            "process",
            str(each.pid),
        )
        for each in reading.processes
        if each.mem_used is not None
    ]
