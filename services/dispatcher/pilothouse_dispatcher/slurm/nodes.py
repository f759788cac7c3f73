"""What Slurm says of nodes, partitions and reservations, the same for every version of its API."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SlurmNode:
    """One node.

    Attributes:
        states: Base state first, then flags, upper case: ``("IDLE", "DRAIN")``.
        reason: Why an operator or Slurm took it out; empty for none.
        memory_bytes: Configured.
        free_memory_bytes: As its system says; None where Slurm does not know.
        gres: Configured generic resources, ``gpu:h200:4``.
    """

    name: str
    states: tuple[str, ...]
    reason: str
    cpus: int
    allocated_cpus: int
    memory_bytes: int
    allocated_memory_bytes: int
    free_memory_bytes: int | None
    gres: str
    used_gres: str
    features: tuple[str, ...]
    partitions: tuple[str, ...]
    boot_time: datetime | None
    version: str

    @property
    def usable(self) -> bool:
        """Whether jobs may start on it."""
        return not {"DOWN", "DRAIN", "FAIL", "NOT_RESPONDING", "POWERED_DOWN", "ERROR"} & {
            *self.states
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SlurmPartition:
    """One partition.

    Attributes:
        state: ``UP``, ``DOWN``, ``DRAIN`` or ``INACTIVE``.
        max_time_seconds: Longest time limit; None: unlimited.
        default: Whether jobs that name none go there; None: v0.0.40 to v0.0.44 do not tell.
    """

    name: str
    state: str
    nodes: list[str]
    total_nodes: int
    total_cpus: int
    max_time_seconds: int | None
    default_time_seconds: int | None
    default: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlurmReservation:
    """One reservation."""

    name: str
    start_time: datetime | None
    end_time: datetime | None
    nodes: list[str]
    users: tuple[str, ...]
    accounts: tuple[str, ...]
    flags: tuple[str, ...]
