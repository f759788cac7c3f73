"""`pilothouse-agent`: collects this node's signals and publishes them."""

import argparse
import gc
import os
import sys
import time

from pilothouse_common.contract.samples import SampleEncoder
from pilothouse_common.errors import ConfigError
from pilothouse_common.runtime.logging import configure_logging
from pilothouse_common.runtime.service import main_of
from pilothouse_common.runtime.settings import load

from pilothouse_agent.choice import chosen_collectors, known_collectors
from pilothouse_agent.service import AgentService, build
from pilothouse_agent.settings import AgentSettings
from pilothouse_agent.sweep import Sweep, make_collectors, probe

ONCE_SECONDS = 1.0
GARBAGE_OBJECTS = 10_000
"""More than two sweeps make and free; 700, Python's default, is reached within each."""
_ABOUT = """Collects the signals of one node and publishes one message per interval.

Settings come from the environment (docs/configuration.md); it needs PILOTHOUSE_BROKER_URL. While the
broker is away, messages wait in PILOTHOUSE_SPOOL_DIR. The metrics are in docs/metrics.md."""


def main() -> int:
    """Run until SIGTERM or SIGINT, or answer a question about this node."""
    parser = argparse.ArgumentParser(
        prog="pilothouse-agent",
        description=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    ask = parser.add_mutually_exclusive_group()
    ask.add_argument(
        "--once",
        action="store_true",
        help=f"print what would be published, after {ONCE_SECONDS:g} s, as line protocol",
    )
    ask.add_argument(
        "--list", action="store_true", help="print every collector and whether it is available here"
    )
    args = parser.parse_args()
    try:
        if args.once or args.list:
            configure_logging("agent", level="warning", style="plain")
            return _answer(_settings_without_broker(), once=args.once)
        settings = load(AgentSettings, service="agent")
    except ConfigError as exc:
        sys.stderr.write(f"error: {exc}\n")
        return 2
    configure_logging("agent", level=settings.log_level, style=settings.log_format)
    return main_of(lambda: _settled(build(settings)))


def _settled(service: AgentService) -> AgentService:
    """Take what exists now out of Python's garbage collection, which was a tenth of a sweep's CPU time.

    All of it lives as long as the process; what a sweep makes is freed by its reference counts.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS)
    return service


def _settings_without_broker() -> AgentSettings:
    environ = {"PILOTHOUSE_BROKER_URL": "memory:", **os.environ}
    return load(AgentSettings, service="agent", environ=environ)


def _answer(settings: AgentSettings, *, once: bool) -> int:
    host = settings.host()
    if not once:
        for factory in known_collectors(settings):
            made = probe(factory, host, settings.options())
            sys.stdout.write(
                f"{factory.name:12} {made if isinstance(made, str) else 'available'}\n"
            )
        return 0
    factories, _ = chosen_collectors(settings)
    sweep = Sweep(
        make_collectors(factories, host, settings.options()),
        deadline_seconds=settings.deadline_seconds,
    )
    sweep.collect()
    time.sleep(ONCE_SECONDS)  # rates need two looks with time between them
    encoder = SampleEncoder(settings.cluster, settings.node_name())
    sys.stdout.write(encoder.lines(sweep.collect(), int(time.time())))
    sweep.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
