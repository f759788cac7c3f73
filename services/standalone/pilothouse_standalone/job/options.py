"""What the command line of ``pilothouse-standalone job`` says."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from pilothouse_common.errors import ConfigError

DEFAULT_PORT = 12121
"""JuMonC's."""


@dataclass(frozen=True, kw_only=True)
class JobOptions:
    """Options of ``pilothouse-standalone job``.

    Attributes:
        data: Directory of everything that is kept; None: a private one that goes with the process.
        host: Address that rank 0 listens on.
        port: Port that rank 0 listens on; 0: any free one.
        interval_seconds: Time between two samples of a node.
        cluster: Name of the cluster; empty: as Slurm says, else ``local``.
        publish: Broker or gateway that gets everything too; empty: none.
        print_tokens: Whether the tokens go to standard output, too.
    """

    data: Path | None = None
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    interval_seconds: float = 5.0
    cluster: str = ""
    publish: str = ""
    print_tokens: bool = False


def add_job(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to a parser."""
    defaults = JobOptions()
    job = commands.add_parser(
        "job",
        help="see the nodes of this allocation, from inside it",
        description="Start it with mpirun or srun, one process per node; without them it serves this node.",
        epilog="docs/in-job.md has a job script to copy",
    )
    add = job.add_argument
    add(
        "--data",
        type=Path,
        help="directory of all that is kept (a private one, removed at the end)",
    )
    add("--host", default=defaults.host, help="address that rank 0 listens on (%(default)s)")
    add("--port", type=int, default=defaults.port, help="port; 0: any free one (%(default)s)")
    add(
        "--interval",
        type=float,
        default=defaults.interval_seconds,
        metavar="S",
        help="seconds between two samples of a node (%(default)s)",
    )
    add("--cluster", default="", help="name of the cluster (Slurm's own, else local)")
    add(
        "--publish",
        default="",
        metavar="URL",
        help="give everything to a gateway (https://TOKEN@HOST) or broker (amqp://…), too; "
        "better in the environment: PILOTHOUSE_PUBLISH_URL",
    )
    add("--print-tokens", action="store_true", help="write the tokens to standard output, too")
    add("--log-level", default="warning", choices=["debug", "info", "warning", "error"])


def job_options(arguments: argparse.Namespace, publish_url: str = "") -> JobOptions:
    """Return the options.

    Args:
        arguments: Of the command line.
        publish_url: From the environment, where other users of the node cannot read it.

    Raises:
        ConfigError: One of them makes no sense.
    """
    if not 0 <= arguments.port <= 65_535:
        raise ConfigError(f"--port {arguments.port}: a port is 0 to 65535")
    if not 0.1 <= arguments.interval <= 3600:
        raise ConfigError(f"--interval {arguments.interval}: 0.1 to 3600 seconds")
    return JobOptions(
        data=arguments.data,
        host=arguments.host,
        port=arguments.port,
        interval_seconds=arguments.interval,
        cluster=arguments.cluster,
        publish=arguments.publish or publish_url,
        print_tokens=arguments.print_tokens,
    )
