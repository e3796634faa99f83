"""Imports point one way, and pages that only read never load torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Room -> rooms of core that it may import from (besides itself).
_BASE = {"errors", "settings", "runs"}
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "settings": {"errors"},
    "runs": {"errors"},
    "promises": set(),
    "cachedir": {"settings"},
    "checkout": set(),
    "remote": _BASE,
    "events": _BASE | {"cachedir"},
    "dynamics": _BASE | {"events"},
    "traces": _BASE | {"cachedir"},
    "workloads": _BASE,
    "jobs": _BASE | {"workloads", "checkout", "promises"},
    "training": _BASE | {"workloads", "dynamics", "checkout"},
    "loader": _BASE | {"workloads", "training"},
    "health": _BASE | {"dynamics", "traces"},
    "compare": _BASE | {"events", "dynamics", "traces", "health", "promises"},
    "report": _BASE
    | {"events", "dynamics", "traces", "health", "series", "loader", "jobs", "compare"},
    "gallery": _BASE | {"traces", "compare"},
    "lint": _BASE | {"traces"},
    "series": _BASE | {"events"},
    "table": _BASE | {"events", "dynamics", "health"},
    "hparams": set(),
    "pictures": set(),
    "charts": _BASE | {"events", "dynamics", "traces", "loader", "series", "hparams", "compare"},
    "ui": _BASE
    | {"remote", "events", "dynamics", "traces", "workloads", "jobs"}
    | {"loader", "health", "charts", "series", "table", "hparams", "pictures"}
    | {"compare", "report", "gallery", "lint", "promises"},
    "tuning": _BASE | {"loader", "jobs"},
    "cli": _BASE
    | {"remote", "events", "dynamics", "traces", "jobs", "compare", "report", "tuning", "lint"},
    "__main__": {"cli"},
}
NO_TORCH = ("core.cli", "core.ui.overview", "core.ui.jobs", "core.ui.dynamics", "core.ui.explore",
            "core.ui.bottlenecks", "core.ui.compare", "core.ui.loader", "core.ui.gallery",
            "core.tuning", "core.lint",
            "core.charts.traces")  # fmt: skip


def _imports(file: Path) -> set[str]:
    """Dotted names that a file imports, at any depth of nesting."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _room(name: str) -> str:
    return name.split(".")[1]


CORE_FILES = sorted(set((ROOT / "core").rglob("*.py")) - {ROOT / "core" / "__init__.py"})


@pytest.mark.parametrize("file", CORE_FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_rooms_import_only_what_is_below_them(file: Path) -> None:
    own = file.relative_to(ROOT / "core").parts[0].removesuffix(".py")
    rooms = {_room(name) for name in _imports(file) if name.startswith("core.")}
    rooms &= set(ALLOWED)
    assert rooms - ALLOWED[own] - {own} == set()


@pytest.mark.parametrize("file", CORE_FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_only_ui_imports_streamlit(file: Path) -> None:
    uses = any(name.split(".")[0] == "streamlit" for name in _imports(file))
    assert not uses or file.is_relative_to(ROOT / "core" / "ui")


@pytest.mark.parametrize("file", sorted((ROOT / "pages").glob("*.py")), ids=lambda p: p.stem)
def test_pages_only_compose(file: Path) -> None:
    names = {name for name in _imports(file) if name != "core"}
    allowed = ("streamlit", "core.ui")
    assert all(name.startswith(allowed) for name in names), names


@pytest.mark.parametrize("file", sorted((ROOT / "pages").glob("*.py")), ids=lambda p: p.stem)
def test_guard_is_the_first_statement_of_a_page(file: Path) -> None:
    body = ast.parse(file.read_text(encoding="utf-8")).body
    statements = [
        node
        for node in body
        if not isinstance(node, (ast.Import, ast.ImportFrom))
        and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]
    assert ast.unparse(statements[0]) == "nav.guard()"


@pytest.mark.parametrize("module", NO_TORCH)
def test_reading_never_loads_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-500:]
