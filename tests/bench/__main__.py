"""``python -m tests.bench NAME [options]``: run one bench; exit code 1 when a goal is missed."""

from __future__ import annotations

import importlib
import sys

BENCHES = (
    "chaos", "dynamics", "events", "lint", "live", "loader", "opening", "traces", "viewers",
    "watch",
)  # fmt: skip


def main(words: list[str]) -> int:
    if not words or words[0] not in BENCHES:
        print(f"usage: python -m tests.bench {{{','.join(BENCHES)}}} [--help]", file=sys.stderr)
        return 2
    return importlib.import_module(f"tests.bench.{words[0]}").main(words[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
