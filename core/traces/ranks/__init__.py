"""Many ranks of one job: who arrives last, who waits, and what holds the slowest rank up."""

from core.traces.ranks.captures import Capture, RankFile, Sorted, sort_traces
from core.traces.ranks.facts import read_head
from core.traces.ranks.folder import Answers, diagnose_files, diagnose_path
from core.traces.ranks.job import diagnose_capture, diagnose_ranks, missing_words, not_a_job
from core.traces.ranks.records import PARTS, JobDiagnosis, RankReport, Straggler

__all__ = [
    "PARTS",
    "Answers",
    "Capture",
    "JobDiagnosis",
    "RankFile",
    "RankReport",
    "Sorted",
    "Straggler",
    "diagnose_capture",
    "diagnose_files",
    "diagnose_path",
    "diagnose_ranks",
    "missing_words",
    "not_a_job",
    "read_head",
    "sort_traces",
]
