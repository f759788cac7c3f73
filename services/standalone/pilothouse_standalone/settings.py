"""What the command line says."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class StandaloneOptions:
    """Options of ``pilothouse-standalone up``.

    Attributes:
        data: Directory of everything that is kept.
        host: Address to listen on.
        port: Port to listen on; 0: any free one.
        interval_seconds: Time between two samples of this machine.
        cluster: Name of the cluster; with ``slurm``, Slurm's own name.
        simulation_socket: Where simulations connect (docs/steering.md); empty: nowhere.
        slurm: Whether to become the hook target of the local Slurm.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 8080
    interval_seconds: float = 5.0
    cluster: str = "local"
    simulation_socket: str = ""
    slurm: bool = False
