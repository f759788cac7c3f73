"""Where the form is served, and what the process that serves it may do."""

from collections.abc import Callable
from dataclasses import dataclass

PREFIX = "/jumonc"


@dataclass(frozen=True, slots=True, kw_only=True)
class JumoncOptions:
    """How one gateway answers JuMonC's paths.

    Attributes:
        prefix: What its links begin with: ``/jumonc``, or nothing where old clients find it at the root,
            too. Below ``/jumonc`` it is served in both cases.
        stop: Ends the process, for ``/stop``. Only a process that belongs to one allocation has it; all
            holders of its tokens share stored answers and tasks, as they do in JuMonC.
    """

    prefix: str = PREFIX
    stop: Callable[[], None] | None = None

    @property
    def one_allocation(self) -> bool:
        """Whether the whole process belongs to those who hold its tokens."""
        return self.stop is not None


GATEWAY = JumoncOptions()
"""What every gateway has that nobody asked for anything else."""
