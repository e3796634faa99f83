"""Runs by need for attention, a verdict line each."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from core import dynamics
from core.runs import Run
from core.table.ledger import Ledger


def attention(ledger: Ledger, runs: Sequence[Run]) -> pd.DataFrame:
    """What is known of the runs, those that need attention most first, the surer ones before.

    Returns:
        DataFrame with run (key), verdict ("" unknown), confidence (0 to 1), best_step (Int64),
        best_val, overfit_step (Int64) and gap (validation minus train loss at the end).
    """
    judged = [ledger.judgement(run) for run in runs]
    order = sorted(
        range(len(runs)),
        key=lambda i: (dynamics.need(judged[i].verdict), -judged[i].confidence, runs[i].key),
    )
    ranked = [judged[i] for i in order]
    return pd.DataFrame({
        "run": [runs[i].key for i in order],
        "verdict": [each.verdict for each in ranked],
        "confidence": [each.confidence for each in ranked],
        "best_step": pd.Series([each.best_step for each in ranked], dtype="Int64"),
        "best_val": [each.best for each in ranked],
        "overfit_step": pd.Series([each.overfit_step for each in ranked], dtype="Int64"),
        "gap": [each.val - each.train for each in ranked],
    })  # fmt: skip
