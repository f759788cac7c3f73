"""Run all benchmarks one after the other, or those named: python -m bench [ingest|agent|hook …]."""

import argparse
import importlib
import sys

NAMES = ("hook", "agent", "ingest")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all without one"
    )
    names = parser.parse_args().names or NAMES
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}; there are {', '.join(NAMES)}")
    return max(int(importlib.import_module(f"bench.{name}").main() or 0) for name in names)


if __name__ == "__main__":
    sys.exit(main())
