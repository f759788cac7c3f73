"""Whose the hardware counters are. Source: LIKWID's wiki, "likwid-lock": the owner of the file may count."""

import os

ROOT = 0


class CountersLock:
    """A file whose owner has the counters; without the file, and while root owns it, they are ours."""

    def __init__(self, path: str) -> None:
        self._path = path

    def taken(self) -> bool:
        """Tell whether somebody else has the counters now."""
        try:
            return os.stat(self._path).st_uid != ROOT
        except OSError:
            return False
