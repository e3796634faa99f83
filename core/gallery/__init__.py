"""What costs training time most often: code that shows it, a trace of it, the fix, the trace after.

Traces are recordings of the very scripts below ``scripts/`` where a machine without a GPU can make
them (``python -m core.gallery.record``), else simulated. What is said of them is diagnosed anew
from the trace, never written down. Never imports torch.
"""

from core.gallery.cases import Case, excerpts, load, working_pct
from core.gallery.entries import ENTRIES, Entry, Machine, Try, for_rule, get, machine
from core.gallery.scripts import code, diff

__all__ = [
    "ENTRIES",
    "Case",
    "Entry",
    "Machine",
    "Try",
    "code",
    "diff",
    "excerpts",
    "for_rule",
    "get",
    "load",
    "machine",
    "working_pct",
]
