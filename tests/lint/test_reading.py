"""Files that are no scripts: one clear line each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.errors import BadInput, NotFound
from core.lint import lint_bytes, lint_file, scripts_below
from core.lint.sources import MAX_MIB


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b"print 'hello'\n", "old.py", "line 1"),
        (b"def f(:\n", "broken.py", "not Python 3"),
        (b"\xff\xfe\x00x", "binary.py", "not text"),
        (b"x = '\xe4'\n", "latin.py", "not text"),
        (b"# coding: no-such-code\n", "coded.py", "not text"),
        (b"x = 1\0\n", "nul.py", "not Python 3"),
        (json.dumps({"cells": []}).encode(), "a.py", "notebook"),
        (b"{}", "a.ipynb", "notebook"),
        (b"x = 1\n" * (MAX_MIB * 2**20 // 6 + 1), "huge.py", "larger than"),
        (b"x = " + b"(" * 5000 + b")" * 5000, "deep.py", "deep.py"),
        (b"x = " + b"-" * 3000 + b"1", "minus.py", "deep"),
        (b"import torch\nx = " + b"f(" * 180 + b")" * 180, "calls.py", "deep"),
    ],
)
def test_what_is_no_script_is_one_line(content: bytes, name: str, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        lint_bytes(content, name)
    assert says in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfimport torch\n",
        b"# -*- coding: latin-1 -*-\nx = '\xe4'\n",
        b"x = 1\r\nif x:\r\n    y = 2\r\n",
        b"x = '\\d'\n",
        b"",
        b"\n\n",
    ],
)
def test_odd_but_whole_scripts_are_read(content: bytes) -> None:
    assert lint_bytes(content, "odd.py") == []


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="does not exist"):
        lint_file(tmp_path / "gone.py")


def test_a_folder_is_no_script(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        lint_file(tmp_path)


def test_scripts_of_a_folder_without_hidden_ones(tmp_path: Path) -> None:
    for name in ("b/train.py", "a.py", ".venv/lib.py", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert [p.relative_to(tmp_path).as_posix() for p in scripts_below(tmp_path)] == [
        "a.py",
        "b/train.py",
    ]
