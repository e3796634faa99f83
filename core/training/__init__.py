"""What runs inside a job process: training, logging, profiling, checkpoints, hardware samples.

``python -m core.training RUN_DIR`` reads ``job.json`` from the run folder and writes nothing
outside it (data that a workload prepares once goes to the state folder). From Python,
:func:`core.training.run.run` does the same; importing this package alone does not import torch.
"""

from core.training.environment import prepare_environment
from core.training.progress import ProgressFile

__all__ = ["ProgressFile", "prepare_environment"]
