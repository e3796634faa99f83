"""Which DataLoader settings are best for a workload's real training step on this machine.

A probe times the parts of the pipeline, a simulation predicts every setting from them, and trials
measure the few that matter. ``python -m core.loader RUN_DIR`` does it (that imports torch);
reading, predicting and judging do not, so pages may import this package.
"""

from core.loader.costs import Costs
from core.loader.history import Tuning, comparable, tunings
from core.loader.judge import SAME_WITHIN, prediction_errors, recommend, summarise
from core.loader.predict import Model, Part, Prediction, step_parts
from core.loader.results import (
    Interval,
    Recommendation,
    SettingResult,
    Trial,
    Trials,
    read_trials,
)
from core.loader.setting import Setting

__all__ = [
    "SAME_WITHIN",
    "Costs",
    "Interval",
    "Model",
    "Part",
    "Prediction",
    "Recommendation",
    "Setting",
    "SettingResult",
    "Trial",
    "Trials",
    "Tuning",
    "comparable",
    "prediction_errors",
    "read_trials",
    "recommend",
    "step_parts",
    "summarise",
    "tunings",
]
