"""Programs of a site, written by a test."""

from pathlib import Path


def script(directory: Path, name: str, text: str, *, mode: int = 0o755) -> Path:
    """Write a shell script that may be run, below a directory that only this user may write to."""
    path = directory / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(mode)
    return path
