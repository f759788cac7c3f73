"""What differs in requests from version to version of slurmrestd's API: one module per family."""

from typing import Any, Protocol

from pilothouse_dispatcher.slurm import v38, v39, v41
from pilothouse_dispatcher.slurm.description import JobDescription


class Dialect(Protocol):
    """A family of versions. Answers need none: ``wire`` reads every version's shape."""

    @property
    def VERSIONS(self) -> tuple[str, ...]:  # noqa: N802 a module is one
        """Return the versions, newest first."""

    def number(self, value: int, /) -> Any:
        """Write a number that might be unset."""

    def submission(self, job: JobDescription, /) -> dict[str, Any]:
        """Return the body of ``POST /job/submit``."""


_FAMILIES: tuple[Dialect, ...] = (v41, v39, v38)
DIALECTS: dict[str, Dialect] = {
    version: family for family in _FAMILIES for version in family.VERSIONS
}
"""By version, newest first."""
