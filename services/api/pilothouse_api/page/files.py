"""The files that `make web` built into this package."""

from pathlib import Path

STATIC = Path(__file__).parent.parent / "static"
MISSING = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Pilothouse</title>
<h1>The page is not built</h1>
<p>Run <code>make web</code>. The API is here: <a href="/docs">/docs</a>.</p>
</html>
"""


def find_file(path: str, root: Path) -> Path | None:
    """Return the file that a path below the root names, or None.

    Raises nothing for any text: what resolves outside the root, is hidden or has a NUL is not there.
    """
    if "\x00" in path or "\\" in path:
        return None
    try:
        file = (root / path.lstrip("/")).resolve()
        inside = file.is_relative_to(root.resolve()) and file.is_file()
    except (OSError, ValueError):
        return None
    return file if inside else None
