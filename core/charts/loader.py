"""A DataLoader tuning in pictures: trials, predicted surface, what a step is made of."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from core.charts.theme import BEST, LINE, NUMBER, RULE, finish, no_data
from core.loader import Part, Prediction, Setting, Trials, summarise

_KIND = alt.Scale(domain=["measured", "predicted"], range=[LINE[0], LINE[1]])

PARTS: tuple[str, ...] = (
    "samples, computing",
    "samples, waiting",
    "collate",
    "receive",
    "queueing for a core",
    "step, computing",
    "step, waiting for the device",
)
"""Parts of a step in the order of the bar, as :func:`core.loader.step_parts` names them."""

_PART_COLOUR = alt.Scale(
    domain=list(PARTS),
    range=[LINE[1], LINE[5], LINE[3], "#8C6BB1", LINE[6], LINE[0], LINE[4]],
)


def trials_chart(trials: Trials) -> Any:
    """Throughput of every setting tried: median, 95 % interval, single trials, prediction.

    The dashed rule is the setting in use now. While nothing has been measured the chart says so.

    Returns:
        An Altair chart, ready to draw.
    """
    frame = summary_frame(trials)
    if frame.empty:
        return no_data("No setting has been measured yet.")
    order = frame.sort_values("samples_per_s", ascending=False)["setting"].tolist()
    y = alt.Y("setting:N", sort=order, title=None, axis=alt.Axis(labelLimit=260))
    x = alt.X("samples_per_s:Q", title="throughput (samples/s)", scale=alt.Scale(zero=True))
    tips = [
        alt.Tooltip("setting:N"),
        alt.Tooltip("samples_per_s:Q", title="samples/s", format=".4~g"),
        alt.Tooltip("low:Q", title="95 % from (samples/s)", format=".4~g"),
        alt.Tooltip("high:Q", title="95 % to (samples/s)", format=".4~g"),
        alt.Tooltip("wait_percent:Q", title="data wait (% of a step)", format=".3~g"),
        alt.Tooltip("startup_s:Q", title="first batch after (s)", format=".2~g"),
        alt.Tooltip("rounds:Q", title="rounds", format=NUMBER),
    ]
    base = alt.Chart(frame)
    bars = base.mark_rule(strokeWidth=5, opacity=0.45, color=LINE[0]).encode(
        x=alt.X("low:Q"), x2="high:Q", y=y
    )
    colour = alt.Color("kind:N", scale=_KIND)
    points = base.mark_point(size=90, filled=True, opacity=1).encode(
        x=x, y=y, color=colour, tooltip=tips
    )
    singles = alt.Chart(trial_frame(trials)).mark_tick(size=16, color=RULE).encode(x=x, y=y)
    guesses = (
        alt.Chart(predicted_frame(trials.predicted, [r.setting for r in summarise(trials)]))
        .mark_point(shape="diamond", size=80, filled=False, strokeWidth=2)
        .encode(x=x, y=y, color=colour, tooltip=[alt.Tooltip("text:N", title="predicted")])
    )
    layers = alt.layer(bars, singles, guesses, points, *_baseline(frame, trials.baseline))
    return finish(layers, height=110 + 34 * len(frame))


def _baseline(frame: pd.DataFrame, baseline: Setting) -> list[Any]:
    base = frame[frame["setting"] == baseline.label]
    if base.empty:
        return []
    return [
        alt.Chart(base)
        .mark_rule(strokeDash=[6, 4], color=RULE)
        .encode(x=alt.X("samples_per_s:Q"), tooltip=alt.value("in use now"))
    ]


def surface_chart(trials: Trials, best: Setting | None, *, height: int = 150) -> Any:
    """Predicted throughput by workers and prefetch factor (or batch size), measured on top.

    Cells are predictions as they stand after the last trial; a dot marks what was measured, the
    ring what is recommended, a cross what would not fit into shared memory.
    """
    frame = surface_frame(trials)
    if frame.empty:
        return no_data("The parts of the pipeline are being timed; predictions follow.")
    several = len(set(frame["batch_size"])) > 1
    row = ("batch_size:O", "batch size") if several else ("prefetch:O", "prefetch factor")
    x = alt.X("num_workers:O", title="num_workers", axis=alt.Axis(labelAngle=0))
    y = alt.Y(row[0], title=row[1], sort="descending")
    tips = [
        alt.Tooltip("setting:N"),
        alt.Tooltip("text:N", title="predicted"),
        alt.Tooltip("measured:N", title="measured"),
        alt.Tooltip("limit:N", title="limited by"),
        alt.Tooltip("wait_percent:Q", title="data wait (% of a step)", format=".3~g"),
        alt.Tooltip("shared_mib:Q", title="shared memory (MiB)", format=".4~g"),
        alt.Tooltip("startup_s:Q", title="start-up (s)", format=".2~g"),
    ]
    base = alt.Chart(frame)
    cells = base.mark_rect().encode(
        x=x, y=y, tooltip=tips,
        color=alt.Color(
            "samples_per_s:Q",
            scale=alt.Scale(scheme="viridis"),
            legend=alt.Legend(title="predicted samples/s", format=",.4~r", orient="right"),
        ),
    )  # fmt: skip
    dots = (
        base.transform_filter("datum.seen")
        .mark_point(filled=True, size=70, color="white", stroke="black", opacity=1)
        .encode(x=x, y=y, tooltip=tips)
    )
    ring = alt.Chart(frame[frame["setting"] == (best.label if best else "")])
    ring = ring.mark_point(size=330, strokeWidth=3, color="white").encode(x=x, y=y)
    crosses = (
        base.transform_filter("!datum.fits")
        .mark_point(shape="cross", angle=45, size=110, filled=True, color="white", stroke="black")
        .encode(x=x, y=y, tooltip=tips)
    )
    return finish(alt.layer(cells, dots, ring, crosses), height=height)


def step_chart(rows: dict[str, list[Part]]) -> Any:
    """What a step is made of, one stacked bar for each name, in ms."""
    frame = pd.DataFrame(
        [
            {"name": name, "part": part.name, "ms": part.ms, "order": PARTS.index(part.name)}
            for name, parts in rows.items()
            for part in parts
            if part.ms > 0
        ]
    )
    if frame.empty:
        return no_data("The parts of the pipeline are being timed.")
    there = [part for part in PARTS if part in set(frame["part"])]
    # Two columns fit a phone; each line of them takes height that the bars need.
    legend = alt.Legend(columns=2, values=there)
    bars = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            y=alt.Y("name:N", sort=list(rows), title=None, axis=alt.Axis(labelLimit=260)),
            x=alt.X("ms:Q", stack="zero", title="one step (ms)"),
            color=alt.Color("part:N", scale=_PART_COLOUR, legend=legend),
            order=alt.Order("order:Q"),
            tooltip=[
                alt.Tooltip("name:N", title="setting"),
                alt.Tooltip("part:N"),
                alt.Tooltip("ms:Q", title="ms a step", format=".3~g"),
            ],
        )
    )
    return finish(bars, height=100 + 18 * -(-len(there) // 2) + 40 * len(rows))


def faster_chart(frame: pd.DataFrame, *, height: int = 220) -> Any:
    """Throughput against how much faster the step is; one line a setting.

    Args:
        frame: factor, setting, samples_per_s, limit.
    """
    lines = alt.Chart(frame).mark_line(point=True, strokeWidth=2)
    return finish(
        lines.encode(
            x=alt.X("factor:Q", title="step faster by (×)", scale=alt.Scale(type="log", base=2)),
            y=alt.Y("samples_per_s:Q", title="predicted throughput (samples/s)"),
            color=alt.Color("setting:N", scale=alt.Scale(range=[RULE, BEST, LINE[0]])),
            strokeDash=alt.StrokeDash("setting:N", legend=None),
            tooltip=[
                alt.Tooltip("setting:N"),
                alt.Tooltip("factor:Q", title="step faster by (×)"),
                alt.Tooltip("samples_per_s:Q", title="samples/s", format=".4~g"),
                alt.Tooltip("limit:N", title="limited by"),
            ],
        ),
        height=height,
    )


def summary_frame(trials: Trials) -> pd.DataFrame:
    """One row a measured setting: setting, kind, samples_per_s, low, high, wait_percent,
    startup_s, rounds."""
    rows = [
        {
            "setting": result.setting.label,
            "kind": "measured",
            "samples_per_s": result.throughput.value,
            "low": result.throughput.low,
            "high": result.throughput.high,
            "wait_percent": None if result.wait_share is None else 100 * result.wait_share,
            "startup_s": result.startup_s,
            "rounds": result.rounds,
        }
        for result in summarise(trials)
        if result.throughput is not None
    ]
    return pd.DataFrame(rows)


def trial_frame(trials: Trials) -> pd.DataFrame:
    """One row a successful trial: setting, samples_per_s."""
    rows = [
        {"setting": trial.setting.label, "samples_per_s": trial.samples_per_s}
        for trial in trials.trials
        if trial.status == "ok" and trial.samples_per_s is not None
    ]
    return pd.DataFrame(rows)


def predicted_frame(predictions: tuple[Prediction, ...], settings: list[Setting]) -> pd.DataFrame:
    """One row for each prediction of these settings: setting, kind, samples_per_s, text."""
    wanted = set(settings)
    rows = [
        {
            "setting": p.setting.label,
            "kind": "predicted",
            "samples_per_s": p.samples_per_s,
            "text": _between(p.samples_per_s, p.low, p.high),
        }
        for p in predictions
        if p.setting in wanted
    ]
    return pd.DataFrame(rows, columns=["setting", "kind", "samples_per_s", "text"])


def surface_frame(trials: Trials) -> pd.DataFrame:
    """One row a cell, the fastest of the settings that share it: num_workers, prefetch,
    batch_size, setting, samples_per_s, text, measured, seen, limit, wait_percent, shared_mib,
    startup_s, fits."""
    measured = {r.setting: r.throughput for r in summarise(trials) if r.throughput is not None}
    rows = []
    for p in trials.predicted:
        seen = measured.get(p.setting)
        rows.append(
            {
                "num_workers": p.setting.num_workers,
                "prefetch": p.setting.prefetch_factor,
                "batch_size": p.setting.batch_size,
                "setting": p.setting.label,
                "samples_per_s": p.samples_per_s,
                "text": _between(p.samples_per_s, p.low, p.high),
                "measured": _between(seen.value, seen.low, seen.high) if seen else "no",
                "seen": seen is not None,
                "limit": p.limit,
                "wait_percent": 100 * p.wait_share,
                "shared_mib": p.shared_bytes / 2**20,
                "startup_s": p.startup_s,
                "fits": p.fits,
            }
        )
    frame = pd.DataFrame(rows)
    if frame.empty:
        return frame
    cell = ["num_workers", "batch_size"]
    if len(set(frame["batch_size"])) == 1:
        cell = ["num_workers", "prefetch"]
    # What was measured stands for its cell, else the best prediction.
    ordered = frame.sort_values(["seen", "samples_per_s"], ascending=False)
    return ordered.drop_duplicates(cell).reset_index(drop=True)


def _between(value: float, low: float, high: float) -> str:
    return f"{value:.4g} samples/s ({low:.4g} to {high:.4g})"
