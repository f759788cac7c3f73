"""NVIDIA's library for tests: fake.c, compiled and loaded under the name that the agent asks for."""

import subprocess
from pathlib import Path

from tests.support.provide import program

SONAME = "libnvidia-ml.so.1"
SOURCE = Path(__file__).with_name("fake.c")


def build_library(directory: Path) -> Path:
    """Compile the library into a directory and return its path."""
    library = directory / SONAME
    compiler = program("gcc", packages=["gcc", "libc6-dev"])
    flags = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", f"-Wl,-soname,{SONAME}"]
    subprocess.run([compiler, *flags, "-o", str(library), str(SOURCE)], check=True)
    return library
