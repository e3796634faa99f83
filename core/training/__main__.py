"""``python -m core.training RUN_DIR``: run the job that ``RUN_DIR/job.json`` describes.

Exit code 0 done, 1 failed (one line on stderr), 2 the spec cannot be met (one line). Anything
unexpected ends with Python's traceback, whose last line the page shows.
"""

from __future__ import annotations

import sys
from pathlib import Path

from core.errors import BadInput, GpulseError, JobFailed
from core.training.environment import open_log, prepare_environment


def main(argv: list[str]) -> int:
    """Run a job; returns the exit code."""
    if len(argv) != 1:
        sys.stderr.write("error: usage: python -m core.training RUN_DIR\n")
        return 2
    prepare_environment()
    open_log()
    try:
        _run(Path(argv[0]))
    except GpulseError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2 if isinstance(error, BadInput) else 1
    return 0


def _run(folder: Path) -> None:
    # Only now: the environment must be ready before torch is imported.
    import torch

    from core.training.run import run

    try:
        run(folder)
    except torch.OutOfMemoryError:
        raise JobFailed("The memory of the GPU is full. Lower batch_size.") from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
