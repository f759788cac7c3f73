"""`pilothouse-ingest`: broker to stores."""

import argparse
import sys

from pilothouse_common.errors import ConfigError
from pilothouse_common.runtime.logging import configure_logging
from pilothouse_common.runtime.service import main_of
from pilothouse_common.runtime.settings import load

from pilothouse_ingest.service import build
from pilothouse_ingest.settings import IngestSettings

_ABOUT = """Takes samples and events from the broker and writes them to the sample store and the record store.

Settings come from the environment (docs/configuration.md); it needs PILOTHOUSE_BROKER_URL,
PILOTHOUSE_RECORDS_URL and PILOTHOUSE_SAMPLES_URL. Start as many as you like beside each other. A message is
acknowledged when its store has it; what a store refuses goes to the queue pilothouse.dead with the reason."""


def main() -> int:
    """Run until SIGTERM or SIGINT."""
    argparse.ArgumentParser(
        prog="pilothouse-ingest",
        description=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    try:
        settings = load(IngestSettings, service="ingest")
    except ConfigError as exc:
        sys.stderr.write(f"error: {exc}\n")
        return 2
    configure_logging("ingest", level=settings.log_level, style=settings.log_format)
    return main_of(lambda: build(settings))


if __name__ == "__main__":
    sys.exit(main())
