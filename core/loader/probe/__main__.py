"""Reads a question as JSON from stdin: that of :mod:`core.loader.trial` without a setting, with
``batch_sizes``, ``threads`` and ``multiprocessing_context``; writes the costs to the file OUT.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from core.errors import BadInput, GpulseError
from core.training.environment import prepare_environment


def main(argv: list[str]) -> int:
    """Answer the question on stdin."""
    prepare_environment()
    question = json.load(sys.stdin)
    # Only now: the environment must be ready before torch is imported.
    from core.loader.probe.run import run

    try:
        costs = run(question)
    except GpulseError as error:
        sys.stderr.write(f"{error}\n")
        return 2 if isinstance(error, BadInput) else 1
    Path(argv[0]).write_text(json.dumps(costs.to_json()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
