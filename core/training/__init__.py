"""What runs inside a job process: training, logging, profiling, checkpoints, hardware samples.

``python -m core.training RUN_DIR`` reads ``job.json`` from the run folder and writes nothing
outside it (data that a workload prepares once goes to the state folder). From Python,
:func:`core.training.run.run` does the same. ``from core.training import watch`` is for a script of
the user's own: :func:`core.training.watching.run.watch`. Importing this package alone does not
import torch.
"""

from typing import TYPE_CHECKING, Any

from core.training.environment import prepare_environment
from core.training.progress import ProgressFile

if TYPE_CHECKING:
    from core.training.watching import watch

__all__ = ["ProgressFile", "prepare_environment", "watch"]


def __getattr__(name: str) -> Any:
    if name == "watch":
        from core.training.watching import watch

        return watch
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
