"""Where a real server for a test comes from.

In this order: a URL in the environment, a binary on PATH, Debian's package (as root), a container.
None of them: the test is skipped with the reason, which in CI (``CI=true``) is a failure.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.process import find_program


def missing(what: str) -> None:
    """Skip the test, or fail it where nothing may be skipped."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}; in CI nothing is skipped")
    pytest.skip(what)


def program(name: str, *, packages: Sequence[str], dirs: Sequence[str] = ()) -> str:
    """Return the path of a server binary, installing its Debian packages when that is possible."""
    path = find_program(name, *dirs)
    if path is None and os.geteuid() == 0 and shutil.which("apt-get"):
        apt_install(packages)
        path = find_program(name, *dirs)
    if path is None:
        missing(f"{name} is not installed (Debian: apt install {' '.join(packages)})")
    assert path is not None
    return path


def apt_install(packages: Sequence[str]) -> None:
    """Install Debian packages without starting any daemon; one at a time over all processes."""
    with (Path(tempfile.gettempdir()) / "pilothouse-apt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        policy = Path("/usr/sbin/policy-rc.d")
        ours = not policy.exists()
        if ours:
            policy.write_text("#!/bin/sh\nexit 101\n")
            policy.chmod(0o755)
        try:
            env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            subprocess.run(["apt-get", "update", "-qq"], env=env, check=True, capture_output=True)
            subprocess.run(
                ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
                env=env,
                check=True,
                capture_output=True,
            )
        finally:
            if ours:
                policy.unlink()
