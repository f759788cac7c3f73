"""`pilothouse-sender`: drains spools to the broker or the gateway; looks after dead letters."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from pilothouse_common.errors import ConfigError, PilothouseError
from pilothouse_common.runtime.logging import configure_logging
from pilothouse_common.runtime.service import main_of
from pilothouse_common.runtime.settings import load

from pilothouse_sender import dead
from pilothouse_sender.progress import Progress
from pilothouse_sender.service import SenderService, build, open_dead_letters
from pilothouse_sender.settings import SenderSettings
from pilothouse_sender.status import as_json, as_text, look

_ABOUT = """Drains spools (directories of messages not yet delivered) to the carrier of
PILOTHOUSE_BROKER_URL: amqp(s)://USER:PASSWORD@HOST/, https://TOKEN@GATEWAY or spool:/DIRECTORY.
Settings come from the environment (docs/configuration.md); layout of a spool: docs/spool.md."""
_EXIT = """exit code: 0 all delivered; 1 something is left (it says what); 2 a setting or argument is wrong;
3 all delivered, but some files were put in quarantine"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    args = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = args.command
    try:
        return command(args)
    except ConfigError as exc:
        sys.stderr.write(f"error: {exc}\n")
        return 2
    except PilothouseError as exc:
        sys.stderr.write(f"error: {exc}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="pilothouse-sender", description=_ABOUT, epilog=_EXIT, formatter_class=raw
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    drain = commands.add_parser(
        "drain",
        help="deliver what waits, each spool in its order",
        epilog=_EXIT,
        formatter_class=raw,
    )
    drain.add_argument("directories", nargs="+", type=Path, metavar="DIR", help="a spool")
    how = drain.add_mutually_exclusive_group()
    how.add_argument("--once", action="store_true", help="end when nothing waits (the default)")
    how.add_argument(
        "--follow", action="store_true", help="go on until SIGTERM, with retries; makes the spools"
    )
    drain.set_defaults(command=_drain)
    status = commands.add_parser("status", help="say what waits, changing nothing")
    status.add_argument("directories", nargs="+", type=Path, metavar="DIR", help="a spool")
    status.add_argument("--json", action="store_true", help="for programs")
    status.set_defaults(command=_status)
    _add_dead(commands.add_parser("dead", help="list, show, replay or drop dead letters"))
    return parser


def _add_dead(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    for name, help_text in (
        ("list", "one line per dead letter"),
        ("show", "everything about them"),
        ("replay", "publish them again to where they came from"),
        ("drop", "forget them"),
    ):
        action = actions.add_parser(name, help=help_text)
        action.add_argument("ids", nargs="*", metavar="ID", help="id, or its beginning")
        action.add_argument("--reason", default="", help="only those whose reason has this text")
        if name == "list":
            action.add_argument("--json", action="store_true", help="for programs")
        if name in ("replay", "drop"):
            action.add_argument("--all", action="store_true", help="without naming any")
        action.set_defaults(command=_dead, action=name)


def _drain(args: argparse.Namespace) -> int:
    settings = load(SenderSettings, service="sender")
    configure_logging("sender", level=settings.log_level, style=settings.log_format)
    made: list[SenderService] = []

    def make() -> SenderService:
        waiting = 0
        if not args.follow and sys.stdout.isatty():
            waiting = sum(s.events + s.samples for s in map(look, args.directories))
        progress = Progress(sys.stdout, waiting=waiting)
        made.append(build(settings, args.directories, follow=args.follow, progress=progress))
        return made[0]

    return main_of(make) or made[0].exit_code


def _status(args: argparse.Namespace) -> int:
    spools = [look(path) for path in args.directories]
    sys.stdout.write(as_json(spools) if args.json else as_text(spools))
    return 0


def _dead(args: argparse.Namespace) -> int:
    if args.action in ("replay", "drop") and not (args.ids or args.reason or args.all):
        raise ConfigError(f"dead {args.action}: name ids, or --reason TEXT, or --all")
    settings = load(SenderSettings, service="sender")
    configure_logging("sender", level="error", style=settings.log_format)
    with open_dead_letters(settings) as box:
        letters = dead.choose(box.read(), args.ids, args.reason)
        if args.action == "list":
            dead.list_letters(letters, sys.stdout, as_json=args.json)
        elif args.action == "show":
            dead.show_letters(letters, sys.stdout)
        elif args.action == "replay":
            dead.replay(box, letters, sys.stdout)
        else:
            dead.drop(box, letters, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
