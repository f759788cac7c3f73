"""AMD's library for tests: fake.c, compiled and loaded under the name that the package asks for."""

import importlib.util
import re
import subprocess
from pathlib import Path

from tests.support.provide import program

SONAME = "libamd_smi.so"
SOURCE = Path(__file__).with_name("fake.c")
_LOOKED_UP = re.compile(r"_libraries\['libamd_smi\.so'\]\.(\w+)")


def build_library(directory: Path) -> Path:
    """Compile the library into a directory and return its path."""
    spec = importlib.util.find_spec("amdsmi")
    assert spec is not None
    assert spec.origin is not None
    wrapper = Path(spec.origin).with_name("amdsmi_wrapper.py").read_text()
    ours = set(re.findall(r"^int (\w+)\(", SOURCE.read_text(), re.MULTILINE))
    stubs = sorted(set(_LOOKED_UP.findall(wrapper)) - ours)
    (directory / "stubs.h").write_text("".join(f"STUB({name})\n" for name in stubs))
    library = directory / SONAME
    compiler = program("gcc", packages=["gcc", "libc6-dev"])
    flags = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", f"-Wl,-soname,{SONAME}"]
    subprocess.run(
        [compiler, *flags, f"-I{directory}", "-o", str(library), str(SOURCE)], check=True
    )
    return library
