"""Two curves over training as Vega-Lite layers, and what the charts of them have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.charts import zones
from core.charts.placing import PADDING_PX
from core.charts.theme import NUMBER, RULE, TRAIN, VAL
from core.charts.xaxis import AxisName, XAxis
from core.dynamics import Clock, Curve, LossPair, trend_of
from core.series import thin

VALUE = ".4~g"
"""How losses are written in tooltips."""

_COLOURS = (TRAIN, VAL)
_DASHES = ([1, 0], [6, 3])
_FEW_POINTS = 20
_MAX_GAPS = 500
_FAINT = 0.3
_Y_EXTENT = 56
"""Room for the numbers of the vertical axis, px: charts below each other share their x."""

Y_AXIS: dict[str, Any] = {"format": f".4{NUMBER}", "minExtent": _Y_EXTENT, "maxExtent": _Y_EXTENT}


@dataclass(frozen=True, slots=True)
class Look:
    """How the charts of one run are drawn.

    Attributes:
        log_y: logarithmic loss axis; values that are not positive are left out.
        trend: the trend that the detector sees, over the faint raw points.
        axis: horizontal axis; one of time needs a clock.
        clock: when each step was logged.
        step_name: what a step is ("Epoch" where one is logged per epoch).
        ink: colour of the text in the chart; the theme's text colour where it is known.
    """

    log_y: bool = False
    trend: bool = False
    axis: AxisName = "step"
    clock: Clock | None = None
    step_name: str = "Step"
    ink: str = RULE

    def x(self, span: tuple[int, int]) -> XAxis:
        """The horizontal axis over some steps."""
        return XAxis(*span, self.axis, self.step_name, self.clock)


def names(pair: LossPair) -> tuple[str, str]:
    """What the two curves are called."""
    return f"Training {pair.quantity}", f"Validation {pair.quantity}"


def value_axis(title: str, *, log_y: bool = False) -> dict[str, Any]:
    """The vertical channel of the field ``y``."""
    # Padding instead of rounding: a log axis would be rounded to whole decades.
    scale = {"type": "log" if log_y else "linear", "nice": False, "padding": PADDING_PX}
    scale |= {} if log_y else {"zero": False}
    return {"field": "y", "type": "quantitative", "title": title, "scale": scale, "axis": Y_AXIS}


def meaning(pair: LossPair) -> str:
    """The title of the vertical axis: "Loss", or what the error is."""
    return pair.meaning[:1].upper() + pair.meaning[1:]


def tip(field: str, title: str, form: str) -> dict[str, Any]:
    """One line of a tooltip."""
    return {"field": field, "type": "quantitative", "title": title, "format": form}


def drawable(values: np.ndarray, log_y: bool) -> np.ndarray:
    """Values with NaN where the line must break."""
    good = np.isfinite(values) & ((values > 0) | (not log_y))
    return np.where(good, values, np.nan)


def kept(values: np.ndarray) -> np.ndarray:
    """What a screen can show, with the NaN, so that none is bridged; of many one a stretch."""
    bad = np.isnan(values)
    if bad.sum() > _MAX_GAPS:
        bad &= ~np.concatenate(([False], bad[:-1]))
    return np.union1d(thin(values), np.flatnonzero(bad)[:_MAX_GAPS])


def dots(points: float) -> Any:
    """Whether a line of so many points shows them."""
    return {"size": 18} if points <= _FEW_POINTS else False


def lines(pair: LossPair, look: Look) -> pd.DataFrame:
    """x, step, y (NaN where the line breaks), split, part ("raw" or "line")."""
    span = pair.step_range() or (0, 0)
    x = look.x(span)
    parts = []
    for curve, name in zip((pair.train, pair.val), names(pair), strict=True):
        if curve is None or not len(curve):
            continue
        drawn = [("raw", curve), ("line", trend_of(curve))] if look.trend else [("line", curve)]
        for part, each in drawn:
            values = drawable(each.values, look.log_y)
            keep = kept(values)
            steps = each.steps[keep]
            parts.append(pd.DataFrame({"x": x.place(steps), "step": steps, "y": values[keep],
                                       "split": name, "part": part}))  # fmt: skip
    if not parts:
        return pd.DataFrame({"x": [], "step": [], "y": [], "split": [], "part": []})
    return pd.concat(parts, ignore_index=True)


def line_layers(
    frame: pd.DataFrame, pair: LossPair, x: XAxis, y: dict[str, Any], *, legend: bool = True
) -> list[dict[str, Any]]:
    """The faint raw curves, where there are some, and the lines."""
    called = names(pair)
    there = [called.index(name) for name in dict.fromkeys(frame["split"])]
    key = {
        "orient": "top",
        "title": None,
        "offset": 2 * zones.NAME_LINE_PX + 6,
        "symbolType": "stroke",
    }
    shared = {"field": "split", "type": "nominal", "legend": key if legend else None}
    domain = [called[i] for i in there]
    encoding = {
        "x": x.encoding(), "y": y,
        "color": shared | {"scale": {"domain": domain, "range": [_COLOURS[i] for i in there]}},
        "strokeDash": shared | {"scale": {"domain": domain, "range": [_DASHES[i] for i in there]}},
        "tooltip": [{"field": "split", "type": "nominal", "title": "Curve"},
                    tip("step", x.step_name, ","), tip("y", pair.quantity.capitalize(), VALUE)],
    }  # fmt: skip
    layers = []
    for part in ("raw", "line"):
        chosen = frame["part"].tolist().count(part)
        if chosen:
            mark: dict[str, Any] = {"type": "line", "strokeWidth": 2, "clip": True}
            if part == "raw":
                mark |= {"strokeWidth": 1, "opacity": _FAINT}
            mark["point"] = part == "line" and dots(chosen / len(there))
            layers.append({
                "data": {"name": "lines"}, "mark": mark, "encoding": encoding,
                "transform": [{"filter": f"datum.part === '{part}'"}],
            })  # fmt: skip
    return layers


def tracks(frame: pd.DataFrame) -> list[tuple[np.ndarray, np.ndarray]]:
    """Places and heights of each curve drawn, to keep texts off them."""
    found = []
    for _, rows in frame.groupby(["split", "part"], sort=False):
        x, y = rows["x"].to_numpy(float), rows["y"].to_numpy(float)
        found.append((x[np.isfinite(y)], y[np.isfinite(y)]))
    return found


def gap_of(pair: LossPair, *, trend: bool) -> Curve | None:
    """Validation minus training loss, each as last logged, at the validation points."""
    val = None if pair.val is None else pair.val.finite()
    train = None if pair.train is None else pair.train.finite()
    if val is None or train is None or not len(val) or not len(train):
        return None
    if trend:
        val, train = trend_of(val), trend_of(train)
    at = np.searchsorted(train.steps, val.steps, side="right") - 1
    gap = np.where(at >= 0, val.values - train.values[np.maximum(at, 0)], np.nan)
    return Curve(val.steps, gap).finite()
