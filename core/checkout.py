"""What git says of the working folder: the commit that a run was started from."""

from __future__ import annotations

import subprocess


def sha() -> str | None:
    """The commit checked out in the working folder; None without git or outside a checkout."""
    return _git("rev-parse", "--verify", "HEAD") or None


def dirty() -> bool | None:
    """Whether tracked files differ from that commit; None where nobody can tell."""
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return None if changed is None else bool(changed)


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *words], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
