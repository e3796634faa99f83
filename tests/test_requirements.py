"""requirements.txt names exactly what core/, pages/ and the entry point import."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
OWN = {"core", "pages", "streamlit_app"}
DATA_ONLY = {"scikit-image"}
"""Packages whose files are read (the photographs of the workload `photos`), not imported."""


def _imported() -> set[str]:
    """Top-level names that the project imports and the standard library does not have."""
    files = [ROOT / "streamlit_app.py", *(ROOT / "pages").glob("*.py")]
    files += (ROOT / "core").rglob("*.py")
    names: set[str] = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                names.add(node.module.split(".")[0])
    return names - OWN - set(sys.stdlib_module_names)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _required() -> set[str]:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.strip() and not line.startswith("#")]
    return {_normal(re.split(r"[<>=!~\[ ]", row)[0]) for row in rows}


def test_requirements_and_imports_agree() -> None:
    providers = packages_distributions()
    needed = {name: {_normal(dist) for dist in providers.get(name, [name])} for name in _imported()}
    missing = {name for name, dists in needed.items() if not dists & _required()}
    assert missing == set()
    assert _required() - set().union(*needed.values()) == DATA_ONLY


def test_every_requirement_has_an_upper_or_exact_bound() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.strip() and not line.startswith("#")]
    assert [row for row in rows if "<" not in row and "==" not in row] == []
