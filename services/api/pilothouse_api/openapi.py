"""`python -m pilothouse_api.openapi [FILE]`: write the OpenAPI document (docs/openapi.json)."""

import argparse
import json
import sys
from pathlib import Path

from pilothouse_api.routes import document_of, make_app


def render() -> str:
    """Return the document as it is committed."""
    return json.dumps(document_of(make_app()), indent=1, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the document to a file, or to standard output."""
    parser = argparse.ArgumentParser(prog="python -m pilothouse_api.openapi", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, help="e.g. docs/openapi.json")
    file: Path | None = parser.parse_args().file
    if file is None:
        sys.stdout.write(render())
    else:
        file.write_text(render(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
