"""The script doctor: reads a training script without running it and names the lines that cost.

It follows values through the syntax tree, so that it knows a device tensor from a number by where
it comes from, and says nothing where it is not sure. Never imports torch.
"""

from core.lint.catalogue import RULES
from core.lint.doctor import lint_bytes, lint_file, lint_source, lint_text
from core.lint.records import COSTS, Measured, Record, Rule
from core.lint.sources import content_of, scripts_below

__all__ = [
    "COSTS",
    "RULES",
    "Measured",
    "Record",
    "Rule",
    "content_of",
    "lint_bytes",
    "lint_file",
    "lint_source",
    "lint_text",
    "scripts_below",
]
