"""The scripts of the gallery, before and after the fix, as text: they are shown and recorded."""

from __future__ import annotations

import difflib
import hashlib
import re
from pathlib import Path

_HERE = Path(__file__).parent
_MARK = re.compile(r"  # ← killer.*$", re.MULTILINE)
SIDES = ("before", "after")


def path(key: str, side: str) -> Path:
    """The file of an entry, ``before`` or ``after`` its fix."""
    return _HERE / key.replace("-", "_") / f"{side}.py"


def code(key: str, side: str) -> str:
    """A script as it is recorded; the lines that cost time say ``← killer``."""
    return path(key, side).read_text(encoding="utf-8")


def digest(key: str) -> str:
    """What tells whether a recording was made of these very scripts."""
    text = "".join(code(key, side) for side in SIDES)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def diff(key: str) -> str:
    """The fix: what changes in the code, marks left out, with two lines of context."""
    before, after = (_MARK.sub("", code(key, side)).splitlines() for side in SIDES)
    lines = difflib.unified_diff(before, after, "before.py", "after.py", n=2, lineterm="")
    return "\n".join(lines)
