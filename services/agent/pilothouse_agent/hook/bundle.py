"""The hook's modules as one file of compiled code: looking for ten files costs more than running them.

The start script makes the modules from it. Where it does not fit (another Python, a damaged file),
the modules are imported from where they are installed.
"""

import __future__

import hashlib
import importlib.util
import marshal
import sys
from pathlib import Path

MODULES = (
    "pilothouse_common",
    "pilothouse_common.hostlist",
    "pilothouse_agent",
    "pilothouse_agent.hook",
    "pilothouse_agent.hook.document",
    "pilothouse_agent.hook.environment",
    "pilothouse_agent.hook.config",
    "pilothouse_agent.hook.spoolfile",
    "pilothouse_agent.hook.translate",
    "pilothouse_agent.hook.note",
    "pilothouse_agent.hook.note",
    "pilothouse_agent.hook.run",
)
"""In the order in which they need each other."""
NO_ANNOTATIONS = __future__.annotations.compiler_flag
"""Types are for readers and checkers; the hook does not work them out when it starts."""
NAME = "pilothouse-hook.{tag}.code"
"""File name; compiled code is of one minor version of Python."""

# A file that does not fit (another Python, cut off) is no failure: what it began is taken back, and the
# ordinary imports that follow do the same more slowly, or say what is wrong.
LOADER = """\
import marshal, posix, sys
sys.path[:0] = {paths!r}
try:
    file = posix.open({bundle!r}.format(tag=sys.implementation.cache_tag), posix.O_RDONLY)
    for name, path, code in marshal.loads(posix.read(file, 1 << 20))[1]:
        module = sys.modules[name] = type(sys)(name)
        if path:
            module.__path__ = path
        exec(code, vars(module))
except Exception:
    for name in [name for name in sys.modules if name.startswith("pilothouse_")]:
        del sys.modules[name]
"""


def bundle() -> bytes:
    """Return the file's content: a digest of the sources, and (name, path, code) of every module."""
    modules = []
    for name in MODULES:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        source = Path(spec.origin).read_bytes()
        code = compile(source, spec.origin, "exec", flags=NO_ANNOTATIONS, optimize=2)
        modules.append((name, list(spec.submodule_search_locations or ()), code))
    return marshal.dumps((_digest(), modules))


def bundle_name() -> str:
    """Return the name of this Python's file."""
    return NAME.format(tag=sys.implementation.cache_tag)


def is_current(path: Path) -> bool:
    """Tell whether a bundle was made from the modules that are installed now."""
    try:
        digest, _ = marshal.loads(path.read_bytes())  # noqa: S302 root's own file, which the hook runs
    except (OSError, ValueError, EOFError, TypeError):
        return False
    return bool(digest == _digest())


def _digest() -> str:
    digest = hashlib.sha256()
    for name in MODULES:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        digest.update(Path(spec.origin).read_bytes())
    return digest.hexdigest()
