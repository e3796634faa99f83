"""Scores of the detector and of the rules in the field, on histories whose truth is known.

Truth comes from a clean test loss that no detector sees. Overfitting against not is scored by
macro-F1 over all histories (diverged ones are "not"), and over the unambiguous: true rise not
between 3 and 8 %. Three phases leave diverged histories out; "not-overfit" is met by optimal and
by underfitting. Zones: see ``History.zones``.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from core.dynamics import Curve, LossPair, Verdict, diagnose
from core.dynamics.evidence import onto
from core.dynamics.peers import stops
from core.dynamics.stopping import first_stop
from core.training.alerts import FILE_NAME
from core.training.judging import Judge
from tests.bench.histories import Condition, History
from tests.bench.rules import RULES, Rule

WORDS = {"overfitting": "overfit", "underfitting": "underfit", "not-learning": "underfit"}
PHASES = ("overfit", "underfit", "optimal")
OURS = "ours"
KEPT = 0.01
"""A kept checkpoint counts within 1 % of the lowest validation loss of the whole history."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One history under one condition.

    Attributes:
        history: with its truth.
        pair: what was seen.
        verdict: ours.
        fired: for every rule the step at which it fires, None where it does not.
    """

    history: History
    pair: LossPair
    verdict: Verdict
    fired: dict[str, int | None]


def judge(
    histories: Sequence[History], condition: Condition, rules: Mapping[str, Rule] = RULES
) -> list[Judged]:
    """The detector and the rules on every history."""
    found = []
    for history in histories:
        pair = condition.apply(history.pair)
        verdict = diagnose(pair)
        fired = {name: _fire(rule, pair) for name, rule in rules.items()}
        fired[OURS] = verdict.overfit_step
        found.append(Judged(history, pair, verdict, fired))
    return found


def _fire(rule: Rule, pair: LossPair) -> int | None:
    """The step at which a rule fires on the finite points."""
    if pair.val is None or pair.train is None:
        return None
    val = pair.val.finite()
    train = onto(val.steps, pair.train.finite())
    if train is None or not len(val):
        return None
    at = rule(train, val.values)
    return None if at is None else int(val.steps[at])


def f1(truth: Sequence[object], named: Sequence[object], label: object) -> float:
    both = sum(t == n == label for t, n in zip(truth, named, strict=True))
    return 2 * both / max(list(truth).count(label) + list(named).count(label), 1)


def macro_f1(judged: Sequence[Judged], rule: str) -> float:
    """Overfitting against not."""
    truth = [each.history.label == "overfit" for each in judged]
    named = [each.fired[rule] is not None for each in judged]
    return float(np.mean([f1(truth, named, side) for side in (True, False)]))


def three_phases(judged: Sequence[Judged]) -> float:
    """Macro-F1 over the three phases."""
    truth, named = [], []
    for each in judged:
        label = each.history.label
        word = WORDS.get(each.verdict.verdict, each.verdict.verdict)
        if label == "not-overfit":
            label = word if word in ("optimal", "underfit") else "optimal"
        if label != "diverged":
            truth.append(label)
            named.append(word)
    return float(np.mean([f1(truth, named, phase) for phase in PHASES]))


def zone_accuracy(judged: Sequence[Judged]) -> float:
    """Share of epochs whose phase is right: mean over histories, so that long ones do not rule."""
    shares = []
    for each in judged:
        truth = each.history.zones()
        if truth is not None and each.pair.val is not None and len(each.pair.val):
            steps = each.pair.val.steps
            hits = [each.verdict.phase_at(int(step)) in truth[step] for step in steps]
            shares.append(np.mean(hits))
    return float(np.mean(shares))


def onset_error(judged: Sequence[Judged], rule: str) -> float:
    """Median distance in epochs between true and named onset, where both are; NaN if nowhere."""
    errors = [
        abs(step - each.history.onset())
        for each in judged
        if each.history.label == "overfit" and (step := each.fired[rule]) is not None
    ]
    return float(median(errors)) if errors else float("nan")


def regret(judged: Sequence[Judged]) -> tuple[float, float]:
    """Mean relative excess of the clean test loss, at the checkpoint kept and at raw argmin."""
    ours, raw = [], []
    for each in judged:
        test, val = each.history.test, each.pair.val
        if val is None or each.verdict.best_step is None or not np.isfinite(test).all():
            continue
        lowest = float(test.min())
        ours.append(test[each.verdict.best_step] / lowest - 1)
        raw.append(test[val.steps[int(np.nanargmin(val.values))]] / lowest - 1)
    return float(np.mean(ours)), float(np.mean(raw))


def divergence(judged: Sequence[Judged]) -> tuple[float, float]:
    """(recall, precision) of "diverged"."""
    truth = [each.history.label == "diverged" for each in judged]
    named = [each.verdict.verdict == "diverged" for each in judged]
    both = sum(t and n for t, n in zip(truth, named, strict=True))
    return both / max(sum(truth), 1), both / max(sum(named), 1)


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a stopping rule costs and keeps over the histories.

    Attributes:
        kept: share of histories whose best checkpoint was kept.
        share: mean share of the epochs used.
        epochs: epochs used altogether.
        false_alarms: share of histories stopped before a clearly better epoch.
        stopped: histories that were stopped.
    """

    kept: float
    share: float
    epochs: int
    false_alarms: float
    stopped: int


def stopping(pairs: Sequence[LossPair]) -> dict[str, Stopped]:
    """Our advice and the peers' rules on the same histories."""
    ends: dict[str, list[tuple[bool, int, int, bool]]] = {}
    for pair in pairs:
        if pair.val is None or not np.isfinite(pair.val.values).any():
            continue
        asked = {OURS: first_stop(pair), **{peer.rule: peer.step for peer in stops(pair)}}
        for rule, step in asked.items():
            ends.setdefault(rule, []).append(_end(pair.val, step))
    return {
        rule: Stopped(
            kept=float(np.mean([kept for kept, *_ in rows])),
            share=float(np.mean([used / count for _, used, count, _ in rows])),
            epochs=sum(used for _, used, _, _ in rows),
            false_alarms=float(np.mean([stopped and not kept for kept, _, _, stopped in rows])),
            stopped=sum(stopped for *_, stopped in rows),
        )
        for rule, rows in ends.items()
    }


def _end(val: Curve, step: int | None) -> tuple[bool, int, int, bool]:
    """(best kept?, points used, points there are, stopped?)"""
    values = np.where(np.isfinite(val.values), val.values, np.inf)
    used = len(val) if step is None else int(np.searchsorted(val.steps, step, side="right"))
    used = max(used, 1)
    lowest = float(values.min())
    kept = float(values[:used].min()) <= lowest + KEPT * abs(lowest)
    return kept, used, len(val), step is not None


def false_alerts(pairs: Sequence[LossPair]) -> tuple[int, int]:
    """(alerts of overfitting that a lower validation loss followed, alerts of overfitting).

    A job would have told them: of each history the first counts.
    """
    false = told = 0
    for pair in pairs:
        if pair.train is None or pair.val is None:
            continue
        with tempfile.TemporaryDirectory() as folder:
            job = Judge(Path(folder))
            losses = zip(pair.val.steps, pair.train.values, pair.val.values, strict=True)
            for step, train, val in losses:
                job.epoch(int(step), float(train), float(val))
            alerts = Path(folder) / FILE_NAME
            lines = alerts.read_text(encoding="utf-8").splitlines() if alerts.exists() else []
        steps = [a["step"] for a in map(json.loads, lines) if a["verdict"] == "overfitting"]
        if steps:
            kept, *_ = _end(pair.val, steps[0])
            told, false = told + 1, false + (not kept)
    return false, told


def long_run_s(points: int = 100_000) -> float:
    """Seconds to judge a noisy run of many points."""
    steps = np.arange(points, dtype=np.int64)
    fall = 0.5 + 1.5 * np.exp(-12 * steps / points)
    noise = np.random.default_rng(0).standard_normal((2, points))
    val = fall + 0.3 * np.maximum(steps / points - 0.3, 0) + 0.1 * noise[0]
    pair = LossPair("long", "t", "v", Curve(steps, fall + 0.1 * noise[1]), Curve(steps, val))
    begin = time.perf_counter()
    diagnose(pair)
    return time.perf_counter() - begin
