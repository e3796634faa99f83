"""A process that reads event files and keeps what it found in the state folder.

``python -m core.events.worker`` takes absolute paths, separated by NUL bytes, on standard input.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from core.events import library


def main() -> None:
    """Read every file named on standard input, one after the other."""
    for name in sys.stdin.buffer.read().split(b"\0"):
        if name:
            library.get(Path(os.fsdecode(name)))
            library.forget()


if __name__ == "__main__":
    main()
