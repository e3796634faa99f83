"""``python -m core.loader RUN_DIR``: run the tuning that ``RUN_DIR/job.json`` describes.

Exit code 0 done, 1 no setting could be measured, 2 the spec cannot be met; errors are one line.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType

from core.errors import BadInput, GpulseError
from core.training.environment import open_log, prepare_environment


def main(argv: list[str]) -> int:
    """Run a tuning; returns the exit code."""
    if len(argv) != 1:
        sys.stderr.write("error: usage: python -m core.loader RUN_DIR\n")
        return 2
    prepare_environment()
    open_log()
    # Trials have process groups of their own: being told to end must end the one running too.
    signal.signal(signal.SIGTERM, _end)
    # Only now: the environment must be ready before torch is imported.
    from core.loader.tune import tune

    try:
        tune(Path(argv[0]))
    except GpulseError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2 if isinstance(error, BadInput) else 1
    return 0


def _end(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
