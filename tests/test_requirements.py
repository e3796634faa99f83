"""requirements.txt names exactly what core/, pages/ and the entry point import.

What only remote folders need is in requirements-remote.txt.
"""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OWN = {"core", "pages", "streamlit_app"}
DATA_ONLY = {"scikit-image"}
"""Packages whose files are read (the photographs of the workload `photos`), not imported."""
BY_NAME = {"s3fs"}
"""Packages that fsspec imports for a scheme of URLs."""
MAIN, EXTRA = "requirements.txt", "requirements-remote.txt"


def _names(file: Path) -> set[str]:
    """Top-level names that a file imports, at any depth of nesting."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


def _imported() -> set[str]:
    """Top-level names that the project imports and the standard library does not have."""
    files = [ROOT / "streamlit_app.py", *(ROOT / "pages").glob("*.py")]
    files += (ROOT / "core").rglob("*.py")
    return set().union(*map(_names, files)) - OWN - set(sys.stdlib_module_names)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _rows(file: str) -> list[str]:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def _required(file: str) -> set[str]:
    return {_normal(re.split(r"[<>=!~\[ ]", row)[0]) for row in _rows(file)}


def test_requirements_and_imports_agree() -> None:
    providers = packages_distributions()
    needed = {name: {_normal(dist) for dist in providers.get(name, [name])} for name in _imported()}
    main, extra = _required(MAIN), _required(EXTRA)
    assert {name for name, dists in needed.items() if not dists & (main | extra)} == set()
    assert main - set().union(*needed.values()) == DATA_ONLY
    assert extra - set().union(*needed.values()) == BY_NAME


def test_what_only_remote_folders_need_is_imported_only_there() -> None:
    files = {file for file in (ROOT / "core").rglob("*.py") if "fsspec" in _names(file)}
    assert {file.parent.name for file in files} == {"remote"}


@pytest.mark.parametrize("file", [MAIN, EXTRA])
def test_every_requirement_has_an_upper_or_exact_bound(file: str) -> None:
    assert [row for row in _rows(file) if "<" not in row and "==" not in row] == []
