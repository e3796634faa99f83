"""The detector against the rules in the field: right verdicts, right zones, right stops.

Needs the labelled curves (../shared/curves); :mod:`tests.bench.scores` says how it is scored.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from tests.bench import fresh, generalising, scores
from tests.bench.fresh import Fresh
from tests.bench.histories import (
    CONDITIONS,
    SHARED,
    Condition,
    History,
    development,
    event_runs,
    right,
)
from tests.bench.measure import Figure, report
from tests.bench.rules import RULES
from tests.bench.scores import OURS, Judged, Stopped

SCORABLE = 3
"""Points a history needs for any verdict; thinning leaves fewer in some."""

RIVAL = "EarlyStopping 20"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print columns, the first to the left, numbers with three decimals."""
    cells = [[f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row]
             for row in (head, *rows)]  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        rest = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        print("  ".join([row[0].ljust(widths[0]), *rest]).rstrip())


def _unambiguous(judged: Sequence[Judged]) -> list[Judged]:
    return [each for each in judged if not each.history.ambiguous]


def _scorable(judged: Sequence[Judged]) -> list[Judged]:
    return [each for each in judged if each.pair.val is None or len(each.pair.val) >= SCORABLE]


def print_verdicts(judged: dict[Condition, list[Judged]]) -> None:
    """Macro-F1 of overfitting against not, under every condition, ours and the rules'."""
    plain = judged[CONDITIONS[0]]
    print("\nOverfitting against not, macro-F1; onset: median error in epochs\n")
    head = ["", "unambiguous", *(condition.name for condition in judged), "onset"]
    table(
        head,
        [
            [
                rule,
                scores.macro_f1(_unambiguous(plain), rule),
                *(scores.macro_f1(rows, rule) for rows in judged.values()),
                scores.onset_error(plain, rule),
            ]
            for rule in (OURS, *RULES)
        ],
    )
    print("\nOurs in full\n")
    head = ["", "histories", "scorable", "F1 of these", "three-phase", "zones", "onset", "diverged"]
    table(head, [_row(condition, rows) for condition, rows in judged.items()])


def _row(condition: Condition, judged: list[Judged]) -> list[object]:
    scorable = _scorable(judged)
    return [
        condition.name,
        len(judged),
        len(scorable),
        scores.macro_f1(scorable, OURS),
        scores.three_phases(scorable),
        scores.zone_accuracy(scorable),
        scores.onset_error(scorable, OURS),
        scores.divergence(scorable)[0],
    ]


def print_stops(histories: Sequence[History]) -> dict[str, Stopped]:
    """Stopping rules as logged and under noise; gives the former."""
    first: dict[str, Stopped] = {}
    for condition in CONDITIONS[:3]:
        found = scores.stopping([condition.apply(each.pair) for each in histories])
        first = first or found
        print(f"\nStopping, {condition.name}: share of histories whose best checkpoint is kept\n")
        head = ["", "kept", "share of epochs", "epochs", "false alarms", "stopped"]
        rows = [
            [rule, each.kept, each.share, each.epochs, each.false_alarms, each.stopped]
            for rule, each in found.items()
        ]
        table(head, rows)
    return first


def print_sensitivity(histories: Sequence[History]) -> None:
    """What a fifth less or more of each main constant does to the scores."""
    print("\nScores when one constant is moved by a fifth: change of each\n")
    rows = generalising.sensitivity(histories)
    head = ["", "times", *generalising.SCORES]
    table(head, [[name, f"{factor:g}", *(f"{each:+.3f}" for each in change)]
                 for name, factor, change in rows])  # fmt: skip
    worst = [name for name, _, change in rows if min(change) < -generalising.CLIFF]
    print(f"\nLosing more than {generalising.CLIFF:g} somewhere: {', '.join(worst) or 'none'}")


def print_fresh(trainings: Sequence[Fresh]) -> None:
    """Trainings made here: what may be said of them and what was."""
    print("\nTrainings made here that no constant was set on\n")
    table(
        ["", "verdict", "sure", "right would be"],
        [
            [each.name, verdict.verdict, verdict.confidence, " or ".join(sorted(each.expected))]
            for each in trainings
            for verdict in (each.verdict(),)
        ],
    )


def fresh_figure(trainings: Sequence[Fresh]) -> Figure:
    wrong = [each.name for each in trainings if each.verdict().verdict not in each.expected]
    share = 1 - len(wrong) / len(trainings)
    note = f"{len(trainings)} trainings; wrong: {'; '.join(wrong) or 'none'}"
    return Figure("fresh trainings judged right", share, "", at_least=0.95, note=note)


def alert_figure(histories: Sequence[History]) -> Figure:
    false, told = scores.false_alerts([each.pair for each in histories])
    return Figure("live alert of overfitting, too early", false / len(histories), "", at_most=0.03,
                  note=f"{false} of {told} alerts came before a loss lower by 1 %")  # fmt: skip


def verdict_figures(judged: dict[Condition, list[Judged]]) -> list[Figure]:
    plain = judged[CONDITIONS[0]]
    spread = {
        name: f"95 % interval {low:.3f} to {high:.3f}"
        for name, (low, high) in generalising.intervals(plain).items()
    }
    whole = scores.macro_f1(plain, OURS)
    peers = {rule: scores.macro_f1(plain, rule) for rule in RULES}
    recall, precision = scores.divergence(plain)
    ours, raw = scores.regret(plain)
    figures = [
        Figure("macro-F1, all", whole, "", at_least=0.95,
               note=", ".join([spread["macro-F1, all"],
                               *(f"{rule} {value:.3f}" for rule, value in peers.items())])),
        Figure("macro-F1, unambiguous", scores.macro_f1(_unambiguous(plain), OURS), "",
               at_least=0.96, note="true rise not between 3 and 8 %"),
        Figure("three-phase macro-F1", scores.three_phases(plain), "", at_least=0.82,
               note=spread["three-phase macro-F1"]),
        Figure("zone accuracy", scores.zone_accuracy(plain), "", at_least=0.90,
               note=spread["zone accuracy"]),
        Figure("median onset error", scores.onset_error(plain, OURS), "epochs", at_most=2),
        Figure("regret of the kept checkpoint", ours, "", at_most=raw, note="raw argmin's"),
        Figure("divergence recall", recall, "", at_least=0.9,
               note=f"{spread['divergence recall']}; precision {precision:.3f}"),
    ]  # fmt: skip
    for condition, rows in list(judged.items())[1:]:
        loss, fewer = whole - scores.macro_f1(rows, OURS), len(rows) - len(_scorable(rows))
        left = whole - scores.macro_f1(_scorable(rows), OURS)
        note = f"{left:.3f} without the {fewer} of under {SCORABLE} points" if fewer else ""
        figures.append(
            Figure(f"lost macro-F1, {condition.name}", loss, "", at_most=0.08, note=note)
        )
    return figures


def stop_figures(stopped: dict[str, Stopped]) -> list[Figure]:
    ours, rival = stopped[OURS], stopped[RIVAL]
    note = f"{RIVAL} keeps {rival.kept:.3f}"
    return [
        Figure("stop: best checkpoint kept", ours.kept, "", at_least=max(0.95, rival.kept),
               note=note),
        Figure("stop: share of epochs", ours.share, "", at_most=rival.share, note=f"{RIVAL}'s"),
        Figure("stop: epochs", ours.epochs, "", at_most=rival.epochs, note=f"{RIVAL}'s"),
        Figure("stop: false alarms", ours.false_alarms, "", at_most=0.05,
               note="of all histories"),
    ]  # fmt: skip


def event_figure() -> Figure:
    rows = [row for row in event_runs() if row[2]["confidence"] != "low"]
    wrong = [
        f"{row['id']}: {verdict.verdict}" for _, verdict, row in rows if not right(verdict, row)
    ]
    note = "; ".join(wrong) or f"{len(rows)} runs"
    return Figure("event files judged wrong", len(wrong), "", at_most=0, note=note)


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench dynamics", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--limit", type=int, help="only so many histories")
    parser.add_argument("--sensitivity", action="store_true",
                        help="move each main constant by a fifth (half a minute)")  # fmt: skip
    asked = parser.parse_args(words)
    if not SHARED.is_dir():
        print("skipped: the labelled curves (../shared/curves) are not here")
        return 0
    histories = development()[: asked.limit]
    judged = {condition: scores.judge(histories, condition) for condition in CONDITIONS}
    print_verdicts(judged)
    stopped = print_stops(histories)
    trainings = fresh.trainings()
    print_fresh(trainings)
    if asked.sensitivity:
        print_sensitivity(histories)
    figures = [
        *verdict_figures(judged),
        *stop_figures(stopped),
        alert_figure(histories),
        fresh_figure(trainings),
        Figure("100,000 points judged", scores.long_run_s(), "s", at_most=0.5),
        event_figure(),
    ]
    return report(f"Training dynamics: {len(histories)} histories", figures, asked.json)
