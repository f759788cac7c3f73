"""Run all benchmarks one after the other, or one: python -m bench [NAME [its options]]."""

import argparse
import importlib
import sys

NAMES = ("hook", "agent", "collectors", "growth", "ingest", "steering", "injob")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all without one"
    )
    known, options = parser.parse_known_args()
    names = known.names or NAMES
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}; there are {', '.join(NAMES)}")
    if options and len(names) > 1:
        parser.error(f"{options[0]}: options belong to one benchmark; name it")
    return max(int(importlib.import_module(f"bench.{name}").main(*options) or 0) for name in names)


if __name__ == "__main__":
    sys.exit(main())
