"""Measuring DataLoader settings of a workload with its real training step.

``python -m core.loader RUN_DIR`` measures (that imports torch); reading and judging what it wrote
does not, so pages may import this package.
"""

from core.loader.judge import recommend, summarise
from core.loader.results import (
    Interval,
    Recommendation,
    Setting,
    SettingResult,
    Trial,
    Trials,
    read_trials,
)

__all__ = [
    "Interval",
    "Recommendation",
    "Setting",
    "SettingResult",
    "Trial",
    "Trials",
    "read_trials",
    "recommend",
    "summarise",
]
