"""Only built-ins and allow-listed entry points are known; broken ones are refused in one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.errors import BadInput, NotAllowed, NotFound
from core.workloads import catalogue, info, load, schema, validate

GOOD = """
import torch
from core.workloads.base import Workload
from core.workloads import CommonParams
print("hello from the import")

class Params(CommonParams):
    depth: int = 2

class Mine(Workload):
    name, title, description, Params = "mine", "Mine", "My own.", Params

    def datasets(self, params):
        data = torch.utils.data.TensorDataset(torch.zeros(8, 3), torch.zeros(8, dtype=torch.long))
        return data, data

    def model(self, params):
        return torch.nn.Linear(3, 2)

workload = Mine()
no_workload = object()
"""


@pytest.fixture
def user_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Write a module that child processes and this one can import; allow its entry points."""

    def write(name: str, text: str, *attributes: str) -> None:
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.setenv("GPULSE_WORKLOADS", ",".join(f"{name}:{a}" for a in attributes))

    return write


def test_the_catalogue_holds_the_built_ins_and_what_the_settings_list(monkeypatch):
    assert [entry.name for entry in catalogue()] == ["chars", "digits", "photos"]
    monkeypatch.setenv("GPULSE_WORKLOADS", "pkg.mod:mine")
    own = catalogue()[-1]
    assert (own.name, own.builtin, own.params) == ("pkg.mod:mine", False, None)


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(NotFound, match=r"Unknown workload 'x'. Available: chars, digits, photos\."):
        info("x")


@pytest.mark.parametrize("use", [info, load, schema, lambda name: validate(name, {})])
def test_an_entry_point_outside_the_allow_list_is_refused(use):
    with pytest.raises(NotAllowed, match="GPULSE_WORKLOADS"):
        use("os:system")


def test_an_entry_of_the_allow_list_that_is_no_entry_point_is_refused(monkeypatch):
    monkeypatch.setenv("GPULSE_WORKLOADS", "os; rm:x")
    with pytest.raises(BadInput, match=r"package\.module:workload"):
        info("os; rm:x")


def test_registry_and_params_do_not_import_torch():
    code = "import sys, core.workloads; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.slow
def test_a_users_workload_is_validated_in_a_child_process(user_module):
    user_module("own_good", GOOD, "workload", "no_workload")
    assert validate("own_good:workload", {"depth": "4"})["depth"] == 4
    with pytest.raises(BadInput, match="epochs must be at least 1, got 0"):
        validate("own_good:workload", {"epochs": 0})
    assert "own_good" not in sys.modules


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import no_such_module_at_all", "No module named 'no_such_module_at_all'"),
        ("1 / 0", "ZeroDivisionError"),
        ("workload = object()", "lacks datasets, model"),
        ("other = 1", "has no 'workload'"),
    ],
)
def test_a_broken_module_of_the_user_is_refused_in_one_line(user_module, text, words):
    user_module("own_bad", text, "workload")
    with pytest.raises(BadInput) as caught:
        validate("own_bad:workload", {})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_users_workload_needs_only_data_and_a_model(user_module):
    user_module("own_loaded", GOOD, "workload")
    workload: Any = load("own_loaded:workload")
    assert workload.title == "Mine"
    assert workload.Params().depth == 2
