"""Charts of training dynamics: loss curves over their zones, and the gap between them."""

from __future__ import annotations

import math
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from core.charts.theme import NUMBER, RULE, TRAIN, VAL, ZONES, finish, no_data
from core.dynamics import LossPair, Verdict
from core.series import thin

_NAMES = ("Training loss", "Validation loss")
_DASHES = [[1, 0], [6, 3]]
_FEW_POINTS = 20
_MAX_GAPS = 500
_NAME_LINE_PX = 14

_LOSS = ".4~g"


def zones_chart(
    pair: LossPair,
    verdict: Verdict,
    step: int | None = None,
    *,
    log_y: bool = False,
    step_name: str = "Step",
    ink: str = RULE,
    height: int = 340,
) -> Any:
    """Training and validation loss over the zones of the run.

    Args:
        pair: the whole curves.
        verdict: its zones are drawn, and its best checkpoint is marked.
        step: position of the slider: a rule with both losses written next to it.
        log_y: logarithmic loss axis; values that are not positive are left out.
        step_name: what a step is ("Epoch" where one is logged per epoch).
        ink: colour of the text in the chart; the theme's text colour where it is known.
        height: height of the plotting area in px.

    Returns:
        An ``alt.LayerChart``, or a note where there is nothing to draw.
    """
    lines = _lines(pair, log_y)
    span = pair.step_range()
    if span is None or not np.isfinite(lines["loss"].to_numpy(float)).any():
        return no_data("No finite loss to draw.")
    x = _x_axis(span, step_name)
    # Padding instead of rounding: a log axis would be rounded to whole decades.
    scale = alt.Scale(type="log" if log_y else "linear", zero=False, nice=False, padding=14)
    y = alt.Y("loss:Q", title="Loss", scale=scale)
    layers = [
        *_bands(verdict, span, x, ink),
        _line_layer(lines, x, y, step_name),
        *_rules(verdict, step, x),
        *_readings(_reading_rows(pair, verdict, step, log_y), span, (x, y), ink),
    ]
    return finish(alt.layer(*layers), height=height)


def gap_chart(
    pair: LossPair,
    verdict: Verdict,
    step: int | None = None,
    *,
    step_name: str = "Step",
    height: int = 160,
) -> Any:
    """Validation minus training loss at every validation point, over the same zones."""
    span = pair.step_range()
    val = None if pair.val is None else pair.val.finite()
    train = None if pair.train is None else pair.train.finite()
    if span is None or val is None or train is None or not len(val) or not len(train):
        return no_data("The gap needs training and validation loss.")
    gaps = val.values - np.array([train.at(int(each)) for each in val.steps])
    data = pd.DataFrame({"step": val.steps, "gap": gaps})
    data = data.iloc[thin(gaps)]
    x = _x_axis(span, step_name)
    line = (
        alt.Chart(data)
        .mark_line(color=VAL, strokeWidth=2, point=_dots(len(data)))
        .encode(
            x=x,
            y=alt.Y("gap:Q", title="Gap (validation − training)"),
            tooltip=[
                alt.Tooltip("step:Q", title=step_name, format=NUMBER),
                alt.Tooltip("gap:Q", title="Gap in loss", format=_LOSS),
            ],
        )
    )
    layers = [*_bands(verdict, span, x), line, *_rules(verdict, step, x)]
    return finish(alt.layer(*layers), height=height)


def _x_axis(span: tuple[int, int], step_name: str) -> alt.X:
    scale = alt.Scale(domain=list(span), nice=False, zero=False)
    return alt.X("step:Q", title=step_name, scale=scale, axis=alt.Axis(tickMinStep=1))


def _lines(pair: LossPair, log_y: bool) -> pd.DataFrame:
    """step, loss (None where the line breaks), split; thinned to what a screen can show."""
    parts = []
    for curve, name in zip((pair.train, pair.val), _NAMES, strict=True):
        if curve is None or not len(curve):
            continue
        values = np.where(np.isfinite(curve.values), curve.values, np.nan)
        if log_y:
            values = np.where(values > 0, values, np.nan)
        keep = np.union1d(thin(values), _gaps(values))
        parts.append(pd.DataFrame({"step": curve.steps[keep], "loss": values[keep], "split": name}))
    if not parts:
        return pd.DataFrame({"step": [], "loss": [], "split": []})
    return pd.concat(parts, ignore_index=True)


def _gaps(values: np.ndarray) -> np.ndarray:
    """The NaN, so that thinning cannot bridge them; of many one of every stretch."""
    bad = np.isnan(values)
    if bad.sum() > _MAX_GAPS:
        bad &= ~np.concatenate(([False], bad[:-1]))
    return np.flatnonzero(bad)[:_MAX_GAPS]


def _bands(verdict: Verdict, span: tuple[int, int], x: alt.X, ink: str | None = None) -> list[Any]:
    """One layer a band: opacity encoded as data would add a legend and a scale of its own.

    Args:
        ink: colour of the bands' names, which stand above the plot; None leaves them out.
    """
    zones = verdict.zones
    ends = [zone.start_step for zone in zones[1:]] + [span[1]]
    rows = [
        {"step": zone.start_step, "end": end, "phase": zone.phase}
        for zone, end in zip(zones, ends, strict=False)
    ]
    layers: list[Any] = [
        alt.Chart(alt.Data(values=[row]))
        .mark_rect(color=ZONES[row["phase"]][0], opacity=ZONES[row["phase"]][1])
        .encode(x=x, x2=alt.X2("end:Q"))
        for row in rows
    ]
    if ink is not None and rows:
        layers.append(_band_names(rows, span, x, ink))
    return layers


def _band_names(rows: list[dict[str, Any]], span: tuple[int, int], x: alt.X, ink: str) -> Any:
    """Names above the middle of their zones, in two lines so that neighbours never collide."""
    total = max(span[1] - span[0], 1)
    values = [
        {
            "step": float(
                np.clip(
                    (row["step"] + row["end"]) / 2, span[0] + 0.07 * total, span[1] - 0.07 * total
                )
            ),
            "name": row["phase"].capitalize(),
            "line": -6 - _NAME_LINE_PX * (i % 2),
        }
        for i, row in enumerate(rows)
    ]
    return (
        alt.Chart(alt.Data(values=values))
        .mark_text(fontSize=12, fontWeight="bold", color=ink, baseline="middle")
        .encode(x=x, y=alt.Y("line:Q", scale=None, axis=None), text=alt.Text("name:N"))
    )


def _line_layer(lines: pd.DataFrame, x: alt.X, y: alt.Y, step_name: str) -> Any:
    names = list(dict.fromkeys(lines["split"]))
    index = [_NAMES.index(name) for name in names]
    legend = alt.Legend(orient="top", title=None, offset=2 * _NAME_LINE_PX + 4)
    colours = alt.Scale(domain=names, range=[(TRAIN, VAL)[i] for i in index])
    dashes = alt.Scale(domain=names, range=[_DASHES[i] for i in index])
    return (
        alt.Chart(lines)
        .mark_line(strokeWidth=2, point=_dots(len(lines) / max(len(names), 1)))
        .encode(
            x=x,
            y=y,
            color=alt.Color("split:N", scale=colours, legend=legend),
            strokeDash=alt.StrokeDash("split:N", scale=dashes, legend=legend),
            tooltip=[
                alt.Tooltip("split:N", title="Curve"),
                alt.Tooltip("step:Q", title=step_name, format=NUMBER),
                alt.Tooltip("loss:Q", title="Loss", format=_LOSS),
            ],
        )
    )


def _dots(points: float) -> Any:
    return alt.OverlayMarkDef(size=18) if points <= _FEW_POINTS else False


def _rules(verdict: Verdict, step: int | None, x: alt.X) -> list[Any]:
    """Where the slider stands (solid) and the best checkpoint (dotted)."""
    marks = [(verdict.best_step, [2, 3]), (step, [1, 0])]
    return [
        alt.Chart(alt.Data(values=[{"step": at}]))
        .mark_rule(color=RULE, strokeWidth=1.5, strokeDash=dash)
        .encode(x=x)
        for at, dash in marks
        if at is not None
    ]


def _reading_rows(
    pair: LossPair, verdict: Verdict, step: int | None, log_y: bool
) -> list[dict[str, Any]]:
    """Points to name: both losses at the slider, the upper one first, and the best checkpoint."""
    rows: list[dict[str, Any]] = []
    if step is not None:
        for curve, name in ((pair.train, "training"), (pair.val, "validation")):
            value = math.nan if curve is None else curve.at(step)
            if math.isfinite(value):
                rows.append({"step": step, "loss": value, "name": name, "below": False})
        rows.sort(key=lambda row: -row["loss"])
        if len(rows) == 2:
            rows[1]["below"] = True
    best, value = verdict.best_step, verdict.best_value
    if best is not None and value is not None and best != step:
        rows.append({"step": best, "loss": value, "name": "best", "below": False})
    return [row for row in rows if row["loss"] > 0 or not log_y]


def _readings(
    rows: list[dict[str, Any]], span: tuple[int, int], axes: tuple[alt.X, alt.Y], ink: str
) -> list[Any]:
    """The points, and next to each its value: on the side where there is room."""
    if not rows:
        return []
    x, y = axes
    points = (
        alt.Chart(alt.Data(values=[{"step": row["step"], "loss": row["loss"]} for row in rows]))
        .mark_point(size=70, filled=True, color=RULE, opacity=1)
        .encode(x=x, y=y)
    )
    texts = []
    for row in rows:
        right = row["step"] > span[0] + 0.75 * (span[1] - span[0])
        text = {
            "step": row["step"],
            "loss": row["loss"],
            "text": f"{row['name']} {row['loss']:.4g}",
        }
        mark = alt.Chart(alt.Data(values=[text])).mark_text(
            align="right" if right else "left",
            dx=-8 if right else 8,
            dy=12 if row["below"] else -10,
            fontSize=12,
            color=ink,
        )
        texts.append(mark.encode(x=x, y=y, text=alt.Text("text:N")))
    return [points, *texts]
