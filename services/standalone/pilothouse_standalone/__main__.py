"""``pilothouse-standalone``: the whole system in one process, for one machine or a first look."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pilothouse_common.errors import ConfigError
from pilothouse_common.runtime.logging import configure_logging
from pilothouse_common.runtime.service import main_of

from pilothouse_standalone.job.options import add_job, job_options
from pilothouse_standalone.settings import StandaloneOptions

if TYPE_CHECKING:
    from pilothouse_standalone.service import Standalone

_EXAMPLES = """examples:
  pilothouse-standalone up                          see this machine on http://127.0.0.1:8080
  pilothouse-standalone up --data /srv/pilothouse --host 0.0.0.0 --port 8443
  pilothouse-standalone up --slurm                  see the jobs of this machine's Slurm too
  mpirun -n 4 --map-by node pilothouse-standalone job
                                                    see the nodes of this allocation
  pilothouse-standalone unhook                      take our hooks out of its slurm.conf again
"""


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    defaults = StandaloneOptions(data=Path("data"))
    top = argparse.ArgumentParser(
        prog="pilothouse-standalone",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="start everything; Ctrl-C stops it")
    add = up.add_argument
    add(
        "--data",
        type=Path,
        default=defaults.data,
        help="directory of all that is kept (%(default)s)",
    )
    add("--host", default=defaults.host, help="address to listen on (%(default)s)")
    add("--port", type=int, default=defaults.port, help="port; 0: any free one (%(default)s)")
    add(
        "--interval",
        type=float,
        default=defaults.interval_seconds,
        metavar="S",
        help="seconds between two samples of this machine (%(default)s)",
    )
    add("--cluster", default=defaults.cluster, help="name of the cluster (%(default)s)")
    add("--slurm", action="store_true", help="become the hook target of the Slurm that runs here")
    add(
        "--simulation-socket",
        default=defaults.simulation_socket,
        metavar="PATH",
        help="where simulations connect to be seen and steered; `auto`: where this user's look (none)",
    )
    add("--log-level", default="warning", choices=["debug", "info", "warning", "error"])
    add_job(commands)
    commands.add_parser("unhook", help="remove from the local slurm.conf what `up --slurm` added")
    return top


def main() -> int:
    """Run the command; 0 stopped as asked, 1 failed, 2 an option is wrong."""
    arguments = parser().parse_args()
    if arguments.command == "unhook":
        return _unhook()
    configure_logging("standalone", level=arguments.log_level)
    if arguments.command == "job":
        return _job(arguments)
    return main_of(lambda: _up(arguments))


def _job(arguments: argparse.Namespace) -> int:
    from pilothouse_standalone.job.command import run_job

    try:
        return run_job(job_options(arguments, os.environ.get("PILOTHOUSE_PUBLISH_URL", "")))
    except ConfigError as exc:
        print(f"error: {exc}", file=sys.stderr)  # noqa: T201 the command's answer
        return 2


def _up(arguments: argparse.Namespace) -> "Standalone":
    from pilothouse_standalone.service import Standalone

    if not 0 <= arguments.port <= 65_535:
        raise ConfigError(f"--port {arguments.port}: a port is 0 to 65535")
    if not 0.1 <= arguments.interval <= 3600:
        raise ConfigError(f"--interval {arguments.interval}: 0.1 to 3600 seconds")
    os.umask(0o077)  # databases and spools hold what not everybody on this machine may see
    service = Standalone(
        StandaloneOptions(
            data=arguments.data,
            host=arguments.host,
            port=arguments.port,
            interval_seconds=arguments.interval,
            cluster=arguments.cluster,
            simulation_socket=arguments.simulation_socket,
            slurm=arguments.slurm,
        )
    )
    print(service.welcome(), flush=True)  # noqa: T201 the command's answer
    return service


def _unhook() -> int:
    from pilothouse_standalone.slurm import find_slurm, unhook

    try:
        removed = unhook(find_slurm())
    except ConfigError as exc:
        print(f"error: {exc}", file=sys.stderr)  # noqa: T201 the command's answer
        return 2
    print("hooks removed" if removed else "there were no hooks of ours")  # noqa: T201 the command's answer
    return 0


if __name__ == "__main__":
    sys.exit(main())
