"""Two traces or two runs: what changed, by how much, and whether the promise held.

The first of the two is what was before, the second what came after; they are called A and B.
Never imports torch.
"""

from core.compare.places import compare, run_at
from core.compare.records import Change, FindingChange, Promise, Speedup, TraceComparison
from core.compare.runs import RunComparison, compare_runs
from core.compare.traces import compare_traces

__all__ = [
    "Change",
    "FindingChange",
    "Promise",
    "RunComparison",
    "Speedup",
    "TraceComparison",
    "compare",
    "compare_runs",
    "compare_traces",
    "run_at",
]
