"""Two traces or two runs: what changed, by how much, and whether the promise held.

The first of the two is what was before, the second what came after; they are called A and B.
Never imports torch.
"""

from core.compare.facts import PROFILE, Facts, Use, gather
from core.compare.family import Member, family_of, job_id, parent_of
from core.compare.ladder import Ladder, Rung, make_ladder
from core.compare.learning import LossChange
from core.compare.measured import Measured
from core.compare.places import compare, family_at, run_at
from core.compare.promised import foretold, judged_alone, promise_of, purpose
from core.compare.records import Change, FindingChange, Promise, Speedup, TraceComparison
from core.compare.runs import RunComparison, chosen, compare_runs
from core.compare.speed import mean_interval
from core.compare.traces import compare_traces

__all__ = [
    "PROFILE",
    "Change",
    "Facts",
    "FindingChange",
    "Ladder",
    "LossChange",
    "Measured",
    "Member",
    "Promise",
    "RunComparison",
    "Rung",
    "Speedup",
    "TraceComparison",
    "Use",
    "chosen",
    "compare",
    "compare_runs",
    "compare_traces",
    "family_at",
    "family_of",
    "foretold",
    "gather",
    "job_id",
    "judged_alone",
    "make_ladder",
    "mean_interval",
    "parent_of",
    "promise_of",
    "purpose",
    "run_at",
]
