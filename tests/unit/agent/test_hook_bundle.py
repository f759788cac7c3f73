"""The hook's bundle holds every module that the hook loads at its start, each after those it needs."""

import ast
import importlib.util
from pathlib import Path

import pytest
from pilothouse_agent.hook.bundle import MODULES


def needed(name: str) -> list[str]:
    """Return our modules that a module imports when it is loaded, not inside a function."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    body = ast.parse(Path(spec.origin).read_text()).body
    imports = [node.module or "" for node in body if isinstance(node, ast.ImportFrom)]
    return [module for module in imports if module.startswith("pilothouse_")]


@pytest.mark.parametrize("name", MODULES)
def test_a_module_comes_after_all_that_it_needs(name):
    assert set(needed(name)) <= set(MODULES[: MODULES.index(name)])
