"""`pilothouse-dispatcher`: watches the scheduler."""

import argparse
import sys

from pilothouse_common.errors import ConfigError
from pilothouse_common.runtime.logging import configure_logging
from pilothouse_common.runtime.service import main_of
from pilothouse_common.runtime.settings import load

from pilothouse_dispatcher.service import build
from pilothouse_dispatcher.settings import DispatcherSettings

_ABOUT = """Watches Slurm through slurmrestd and publishes what happened to its jobs: submitted (and why it
waits), started, finished (with Slurm's own state). It fills in what hooks cannot tell or missed, and
works without hooks.

Settings come from the environment (docs/configuration.md); it needs PILOTHOUSE_BROKER_URL, and to
watch PILOTHOUSE_SLURM_URL with PILOTHOUSE_SLURM_TOKEN_FILE or PILOTHOUSE_SLURM_JWT_KEY_FILE. Run one
per cluster. docs/dispatcher.md has the rest."""


def main() -> int:
    """Run until SIGTERM or SIGINT."""
    argparse.ArgumentParser(
        prog="pilothouse-dispatcher",
        description=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    try:
        settings = load(DispatcherSettings, service="dispatcher")
    except ConfigError as exc:
        sys.stderr.write(f"error: {exc}\n")
        return 2
    configure_logging("dispatcher", level=settings.log_level, style=settings.log_format)
    return main_of(lambda: build(settings))


if __name__ == "__main__":
    sys.exit(main())
