"""One line for each run, over a thousand of them: see :class:`Ledger` and :func:`run_table`."""

from core.table.attention import attention
from core.table.ledger import Ledger, run_table, stamp_of
from core.table.lines import SUMMARIES, Judgement, Line, Outline

__all__ = [
    "SUMMARIES",
    "Judgement",
    "Ledger",
    "Line",
    "Outline",
    "attention",
    "run_table",
    "stamp_of",
]
