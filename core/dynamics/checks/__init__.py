"""Health checks on the logged curves.

Each docstring gives the definition, the threshold and where the threshold comes from. A check that
lacks its data says "unknown"; none of them says that a run will not recover.
"""

from __future__ import annotations

from dataclasses import replace

from core.dynamics.checks.course import gaps, restarts
from core.dynamics.checks.generalising import (
    GAP_CHECK,
    loss_against_accuracy,
    second_descent,
    train_val_gap,
    val_better_than_train,
)
from core.dynamics.checks.losses import (
    diverging,
    expected_start,
    finite_values,
    oscillating,
    plateau,
    spikes,
)
from core.dynamics.checks.optimising import (
    dead_units,
    gradient_flow,
    gradient_norm,
    learning_rate,
    update_ratio,
)
from core.dynamics.evidence import Evidence
from core.dynamics.records import Check, LossPair
from core.dynamics.words import as_error

__all__ = [
    "GAP_CHECK",
    "dead_units",
    "diverging",
    "expected_start",
    "finite_values",
    "gaps",
    "gradient_flow",
    "gradient_norm",
    "learning_rate",
    "loss_against_accuracy",
    "oscillating",
    "plateau",
    "restarts",
    "run_checks",
    "second_descent",
    "spikes",
    "train_val_gap",
    "update_ratio",
    "val_better_than_train",
]


def run_checks(pair: LossPair, evidence: Evidence | None) -> tuple[Check, ...]:
    """All checks, in the order in which a page shows them; their words fit what was logged."""
    checks = (
        finite_values(pair),
        diverging(pair.train),
        spikes(pair),
        expected_start(pair),
        plateau(pair.train),
        oscillating(pair),
        learning_rate(pair),
        gradient_norm(pair),
        gradient_flow(pair),
        update_ratio(pair),
        dead_units(pair),
        train_val_gap(pair),
        val_better_than_train(pair),
        loss_against_accuracy(pair),
        second_descent(evidence),
        restarts(pair),
        gaps(pair),
    )
    if not pair.negated:
        return checks
    return tuple(replace(each, detail=as_error(each.detail, only_splits=True)) for each in checks)
