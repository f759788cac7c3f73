"""``pilothouse-hook``: installs and checks the Slurm hook. The hook itself is `run`."""

import argparse
import sys
from pathlib import Path

from pilothouse_common.errors import ConfigError

from pilothouse_agent.hook.check import check
from pilothouse_agent.hook.config import DEFAULT_BROKER_URL, DEFAULT_SPOOL_DIR, DEFAULT_STATE_DIR
from pilothouse_agent.hook.install import Installation, install, slurm_conf_lines

EXAMPLE = """\
One program serves PrologSlurmctld, EpilogSlurmctld, Prolog, Epilog, TaskProlog and TaskEpilog.
Install it once on the host of slurmctld and on every node (or on a file system they share), give
the spool directory to the agent of that host, and add the printed lines to slurm.conf:

  pilothouse-hook install --dir /opt/pilothouse/hook --cluster alpha
  pilothouse-hook check --dir /opt/pilothouse/hook
  scontrol reconfigure

With the agent's PILOTHOUSE_SPOOL_DIR (or a sender) on the same directory, an event is on its way
within milliseconds. docs/slurm-hooks.md has the security and failure behaviour."""


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except ConfigError as exc:
        print(f"error: {exc}", file=sys.stderr)  # noqa: T201 the command line's answer
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pilothouse-hook",
        description="Install or check the Slurm hook, which tells Pilothouse when jobs start and end.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="install | check")
    add = commands.add_parser("install", help="write the program and print the slurm.conf lines")
    add.add_argument("--dir", type=Path, required=True, help="directory for the program")
    add.add_argument("--cluster", default="", help="name of the cluster (default: Slurm's own)")
    add.add_argument(
        "--broker-url",
        default="",
        help=f"spool:/DIRECTORY (recommended: {DEFAULT_BROKER_URL}), amqp(s)://… or https://…",
    )
    add.add_argument(
        "--spool-dir",
        default="",
        help=f"where events wait when the broker is away (default: {DEFAULT_SPOOL_DIR})",
    )
    add.add_argument(
        "--state-dir",
        default="",
        help=f"where the prolog notes a node's jobs for its agent (default: {DEFAULT_STATE_DIR})",
    )
    add.add_argument(
        "--python", type=Path, default=Path(sys.executable), help="interpreter that runs the hook"
    )
    add.set_defaults(run=_install)
    look = commands.add_parser("check", help="say whether the installed hook works for this user")
    look.add_argument("--dir", type=Path, required=True, help="directory of the program")
    look.set_defaults(run=_check)
    return parser


def _install(arguments: argparse.Namespace) -> int:
    wanted = Installation(
        directory=arguments.dir.absolute(),
        cluster=arguments.cluster,
        broker_url=arguments.broker_url,
        spool_dir=arguments.spool_dir,
        state_dir=arguments.state_dir,
        python=arguments.python.absolute(),
    )
    install(wanted)
    print(f"# add to slurm.conf, then: scontrol reconfigure\n{slurm_conf_lines(wanted)}", end="")  # noqa: T201
    return 0


def _check(arguments: argparse.Namespace) -> int:
    problems = check(arguments.dir.absolute())
    for problem in problems:
        print(problem, file=sys.stderr)  # noqa: T201 the command line's answer
    if not problems:
        print(f"{arguments.dir}: the hook works")  # noqa: T201 the command line's answer
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
