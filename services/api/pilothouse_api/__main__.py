"""`pilothouse-api`: serve, or manage tokens."""

import argparse
import sys

from pilothouse_common.errors import ConfigError
from pilothouse_common.runtime.logging import configure_logging
from pilothouse_common.runtime.service import main_of
from pilothouse_common.runtime.settings import load

from pilothouse_api import tokencli
from pilothouse_api.settings import ApiSettings

_ABOUT = """The gateway: one HTTP API under scoped tokens, pushed events, and the page.

Without a command it serves. Settings come from the environment (docs/configuration.md); it needs
PILOTHOUSE_BROKER_URL, PILOTHOUSE_RECORDS_URL, PILOTHOUSE_SAMPLES_URL and PILOTHOUSE_TOKEN_KEY."""


def main() -> int:
    """Serve, or do the command."""
    parser = argparse.ArgumentParser(
        prog="pilothouse-api",
        description=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="")
    tokencli.add_commands(commands)
    args = parser.parse_args()
    if "command" in args:
        return tokencli.run(args)
    from pilothouse_api.service import build  # not for the commands: they start in half the time

    try:
        settings = load(ApiSettings, service="api")
    except ConfigError as exc:
        sys.stderr.write(f"error: {exc}\n")
        return 2
    configure_logging("api", level=settings.log_level, style=settings.log_format)
    return main_of(lambda: build(settings))


if __name__ == "__main__":
    sys.exit(main())
