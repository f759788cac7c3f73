"""The rules of the house, executed: importing does nothing, files are small, processes are light."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    p
    for base in ("libs", "services")
    for p in (ROOT / base).rglob("*.py")
    if ".venv" not in p.parts
)
EVERY_FILE = (
    SOURCES + sorted((ROOT / "tests").rglob("*.py")) + sorted((ROOT / "bench").rglob("*.py"))
)
PAGE = sorted(
    p for ext in ("ts", "svelte", "tsx", "css") for p in (ROOT / "web" / "src").rglob(f"*.{ext}")
)

IMPORT_ALL = """
import importlib, pathlib, sys, threading, socket
class Refused(Exception): pass
def refuse(*a, **k): raise Refused("a socket was opened by importing")
socket.socket.connect = refuse
for root in map(pathlib.Path, sys.argv[1:]):
    for package in root.iterdir():
        if not (package / "__init__.py").exists(): continue
        for path in sorted(package.rglob("*.py")):
            if "migrations" in path.parts or path.stem == "__main__": continue
            parts = path.relative_to(root).with_suffix("").parts
            importlib.import_module(".".join(p for p in parts if p != "__init__"))
assert threading.active_count() == 1, threading.enumerate()
loaded = {m for m in ("mpi4py.MPI", "pynvml") if m in sys.modules}
assert not loaded, loaded
"""


def test_importing_any_module_opens_nothing_and_starts_nothing():
    roots = [*sorted((ROOT / "libs").iterdir()), *sorted((ROOT / "services").iterdir())]

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORT_ALL, *map(str, roots)],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("path", EVERY_FILE + PAGE, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_file_is_over_400_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_most_files_are_under_150_lines():
    lengths = sorted(len(p.read_text(encoding="utf-8").splitlines()) for p in SOURCES)

    assert lengths[int(len(lengths) * 0.8)] <= 150


def test_a_light_process_loads_no_heavy_module():
    heavy = (
        "pydantic sqlalchemy fastapi influxdb_client duckdb pika urllib3 requests "
        "pilothouse_agent.simulation"
    )
    code = (
        "import sys, pilothouse_common.broker.carrier, pilothouse_agent.service\n"
        f"print([m for m in {heavy!r}.split() if m in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
