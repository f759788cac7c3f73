"""The programs of docs/steering.md, compiled."""

import re
import subprocess
import sys
from pathlib import Path

from tests.support.process import Program
from tests.support.provide import program

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "libs" / "client"
_STRICT = ["-Wall", "-Wextra", "-Werror", "-O2"]


def example(language: str) -> str:
    """Return the one program of a language in the page."""
    text = (ROOT / "docs" / "steering.md").read_text(encoding="utf-8")
    (found,) = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return str(found)


def compiler(name: str) -> str:
    return program(name, packages=[name, "libc6-dev"])


def build_c(directory: Path, source: str, *options: str, name: str = "flow") -> list[str]:
    """Compile C against the header; return the command."""
    file = directory / f"{name}.c"
    file.write_text(source)
    command = [compiler("gcc"), *_STRICT, *options, f"-I{CLIENT / 'c'}", str(file)]
    subprocess.run([*command, "-o", str(directory / name)], check=True, cwd=directory)
    return [str(directory / name)]


def build_fortran(directory: Path, source: str) -> list[str]:
    """Compile Fortran with our module and its C half; return the command."""
    file = directory / "flow.f90"
    file.write_text(source)
    shim = CLIENT / "fortran" / "pilothouse_shim.c"
    module = CLIENT / "fortran" / "pilothouse.f90"
    subprocess.run([compiler("gcc"), *_STRICT, "-c", str(shim)], check=True, cwd=directory)
    gfortran = [compiler("gfortran"), *_STRICT, str(module), str(file), "pilothouse_shim.o"]
    subprocess.run([*gfortran, "-o", "fortran_flow"], check=True, cwd=directory)
    return [str(directory / "fortran_flow")]


def build_python(directory: Path, source: str) -> list[str]:
    file = directory / "flow.py"
    file.write_text(source)
    return [sys.executable, str(file)]


def build(language: str, directory: Path) -> list[str]:
    """Return the command of the page's program in a language."""
    makers = {"c": build_c, "fortran": build_fortran, "python": build_python}
    return makers[language](directory, example(language))


def started(command: list[str], socket: Path, log: Path, **environ: str) -> Program:
    """Start a simulation that looks for its agent there."""
    return Program(command, log=log, env={"PILOTHOUSE_SOCKET": str(socket), **environ}).start()
