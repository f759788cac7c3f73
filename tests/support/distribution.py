"""Builds and installs a small Python distribution into a directory, as an installer does it."""

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

_PROJECT = """
[project]
name = "{name}"
version = "1.0"
requires-python = ">=3.11"
[project.entry-points."{group}"]
{entries}
[build-system]
requires = ["uv_build"]
build-backend = "uv_build"
[tool.uv.build-backend]
module-root = ""
"""


def install_distribution(
    into: Path, name: str, group: str, entries: dict[str, str], source: str
) -> Path:
    """Install one module under a name, with these entry points of a group; return ``into``.

    ``into`` is a directory for PYTHONPATH; sources go beside it.
    """
    project = into.parent / f"{name}-source"
    package = project / name.replace("-", "_")
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(dedent(source))
    text = "\n".join(f'{key} = "{value}"' for key, value in entries.items())
    (project / "pyproject.toml").write_text(_PROJECT.format(name=name, group=group, entries=text))
    uv = Path(sys.executable).with_name("uv")
    argv = [str(uv), "pip", "install", "--quiet", "--offline", "--no-deps", "--no-build-isolation"]
    subprocess.run(
        [*argv, "--python", sys.executable, "--target", str(into), str(project)],
        check=True,
        timeout=60,
        env={"PATH": f"{uv.parent}:/usr/bin:/bin", "HOME": str(into.parent)},
    )
    return into
