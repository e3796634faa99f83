"""Any text, and any damaged script, is either read or refused with one line."""

from __future__ import annotations

import random
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BadInput
from core.lint import lint_bytes, lint_text

CORPUS = Path(__file__).parent / "corpus"
LINES = [
    line
    for file in sorted(CORPUS.rglob("*.py"))
    for line in file.read_text(encoding="utf-8").splitlines()
]
TEXTS = [file.read_text(encoding="utf-8") for file in sorted(CORPUS.rglob("*.py"))]


def _read(text: str) -> None:
    try:
        records = lint_text(text)
    except BadInput as error:
        assert "\n" not in str(error)
        return
    for record in records:
        assert 1 <= record.line <= text.count("\n") + 1


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(content: bytes) -> None:
    try:
        lint_bytes(content, "any.py")
    except BadInput as error:
        assert "\n" not in str(error)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(TEXTS) - 1), st.randoms(use_true_random=False))
def test_lines_of_scripts_lost_doubled_and_swapped(which: int, chance: random.Random) -> None:
    lines = TEXTS[which].splitlines()
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(lines))
        kind = chance.randrange(3)
        if kind == 0 and len(lines) > 1:
            del lines[at]
        elif kind == 1:
            lines.insert(at, chance.choice(LINES))
        else:
            lines[at] = lines[at].strip()
    _read("\n".join(lines))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([line.strip() for line in LINES]), max_size=12))
def test_statements_in_any_order(lines: list[str]) -> None:
    _read(
        "import torch\nfor x in loader:\n" + "".join(f"    {line}\n" for line in lines) + "    1\n"
    )


PIECES = (
    "x = (x, x)", "x = [x] * 3", "x, *y = x", "x.a = x", "x = x.a", "x = x(x)", "x += x",
    "del x", "x = {1: x}", "x = {**x}", "x[x] = x", "def x(x=x, *a, **k): return x",
    "class x(x): x = x", "x = lambda x: x", "with x as x: pass", "x = [x for x in x if x]",
    "global x", "async def f(): await x", "import x", "from x import *", "x: x = x", "x = yield_",
    "try: x\nexcept* E as x: x", "match x:\n case {'a': x, **y} | [x, *y]: x", "x = -x", "x @= x",
    "for x in x: x", "while x: x\nelse: x", "x = f'{x!r:{x}}'", "x = x if x else x", "(x := x)",
    "x = x and not x or x < x < x", "x = x.to(x).item()", "x.backward()", "x = x[0:x]",
    "x = torch.max(x, x)", "x = torch.tensor(x, device=x)", "print(*x, **x)", "assert x, x",
    "raise x from x", "return_ = x", "x = DataLoader(x, *x, **x)", "x = x.cpu().numpy()",
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=14))
def test_any_kinds_of_statements_about_one_name(pieces: list[str]) -> None:
    _read("import torch\nfrom torch.utils.data import DataLoader\nx = torch.rand(3).cuda()\n"
          + "\n".join(pieces))  # fmt: skip
