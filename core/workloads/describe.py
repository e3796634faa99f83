"""``python -m core.workloads.describe NAME``: answers about a user's workload, in its own process.

Reads ``{"params": {…}, "kind": "train"}`` from stdin and writes one JSON line to stdout:
``{"title", "description", "params", "schema"}``, or ``{"error": "one line"}``. Exceptions of the
user's module end it with a traceback, whose last line the caller shows.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
from typing import Any

from core.errors import GpulseError
from core.workloads.loading import load
from core.workloads.params import Kind, parse, schema_of


def describe(name: str, params: dict[str, object], kind: Kind) -> dict[str, Any]:
    """Import a workload and check parameters against it.

    Raises:
        GpulseError: see :func:`core.workloads.loading.load` and
            :func:`core.workloads.params.parse`.
    """
    workload = load(name)
    return {
        "title": workload.title,
        "description": workload.description,
        "params": parse(workload.Params, params, kind).model_dump(mode="json"),
        "schema": [dataclasses.asdict(param) for param in schema_of(workload.Params, kind)],
    }


def main(argv: list[str]) -> int:
    """Answer one question from stdin."""
    question = json.load(sys.stdin)
    # What the user's module prints on import must not get between the answer's braces.
    with contextlib.redirect_stdout(sys.stderr):
        try:
            answer = describe(argv[0], question.get("params", {}), question.get("kind", "train"))
        except GpulseError as error:
            answer = {"error": str(error)}
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
