"""Charts of training dynamics: loss curves over their zones, the gap, runs beside each other.

Written as plain Vega-Lite: a playing slider draws these several times a second, and Altair needs
four to twenty times as long to make the same chart. The tests hold them against its schema.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.charts import zones
from core.charts.theme import NUMBER, RULE, TRAIN, VAL, configuration, no_data
from core.charts.xaxis import AxisName, XAxis
from core.dynamics import Clock, Curve, LossPair, StopRow, Verdict, trend_of
from core.series import thin

TRAIN_NAME, VAL_NAME = "Training loss", "Validation loss"
_DASHES = {TRAIN_NAME: [1, 0], VAL_NAME: [6, 3]}
_COLOURS = {TRAIN_NAME: TRAIN, VAL_NAME: VAL}
_FEW_POINTS = 20
_MAX_GAPS = 500
_FAINT = 0.3
_Y_EXTENT = 56
"""Room for the numbers of the vertical axis, px: charts below each other share their x."""

_SMALL_PX = 210

_LOSS = ".4~g"


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


def zones_chart(
    pair: LossPair,
    verdict: Verdict,
    step: int | None = None,
    look: Look | None = None,
    *,
    stops: tuple[StopRow, ...] = (),
    height: int = 340,
) -> dict[str, Any]:
    """Training and validation loss over the zones of the run.

    Args:
        pair: the whole curves.
        verdict: its zones are drawn, and its best checkpoint is marked.
        step: position of the slider: a rule with both losses written next to it.
        look: how to draw it.
        stops: rules to mark where they would have stopped.
        height: of the whole chart in px, legends and axes included.

    Returns:
        A Vega-Lite specification, or a note where there is nothing to draw.
    """
    look = look or Look()
    span = pair.step_range()
    lines = _lines(pair, look)
    if span is None or not np.isfinite(lines["y"].to_numpy(float)).any():
        return _nothing("No finite loss to draw.")
    x = look.x(span)
    y = _loss_axis(look.log_y)
    readings = zones.reading_rows(
        [("training", pair.train), ("validation", pair.val)], pair, verdict, step
    )
    shown = [row for row in readings if row["y"] > 0 or not look.log_y]
    layers = [
        *zones.band_layers(verdict, x, look.ink),
        *zones.best_band_layers(verdict, x),
        *_line_layers(lines, x, y),
        *zones.rule_layers(verdict, step, x),
        *zones.stop_layers(stops, x, look.ink),
        *zones.reading_layers(shown, x, y, look.ink),
    ]
    return _finish(layers, {"lines": lines}, height)


def gap_chart(
    pair: LossPair,
    verdict: Verdict,
    step: int | None = None,
    look: Look | None = None,
    *,
    height: int = 160,
) -> dict[str, Any]:
    """Validation minus training loss at every validation point, over the same zones."""
    look = look or Look()
    span = pair.step_range()
    gap = _gap(pair, trend=look.trend)
    if span is None or gap is None or not len(gap):
        return _nothing("The gap needs training and validation loss.")
    x = look.x(span)
    keep = thin(gap.values)
    data = pd.DataFrame({"x": x.place(gap.steps[keep]), "step": gap.steps[keep],
                         "y": gap.values[keep]})  # fmt: skip
    y = {
        "field": "y",
        "type": "quantitative",
        "title": "Gap (val − train)",
        "axis": _Y_AXIS,
        "scale": {"nice": False, "padding": 14},
    }
    tips = [_tip("step", look.step_name, ","), _tip("y", "Gap in loss", _LOSS)]
    line = {
        "data": {"name": "gap"},
        "mark": {"type": "line", "color": VAL, "strokeWidth": 2, "point": _dots(len(data))},
        "encoding": {"x": x.encoding(), "y": y, "tooltip": tips},
    }
    rows = []
    # Where the run has ended in NaN there is no gap any more, whatever the last finite one was.
    logged = np.nan if step is None or pair.val is None else pair.val.at(step)
    if step is not None and np.isfinite(logged) and np.isfinite(gap.at(step)):
        rows = [{"step": step, "y": gap.at(step), "name": "gap", "below": False}]
    layers = [
        *zones.band_layers(verdict, x),
        line,
        *zones.rule_layers(verdict, step, x),
        *zones.reading_layers(rows, x, y, look.ink),
    ]
    return _finish(layers, {"gap": data}, height)


def small_chart(
    pair: LossPair, verdict: Verdict, title: str, ink: str = RULE, *, log_y: bool = False
) -> dict[str, Any]:
    """One of several runs: its curves over its zones, without words."""
    span = pair.step_range()
    lines = _lines(pair, Look(log_y))
    if span is None or not np.isfinite(lines["y"].to_numpy(float)).any():
        return _nothing("No finite loss to draw.")
    x = XAxis(*span)
    layers = [
        *zones.band_layers(verdict, x),
        *zones.best_band_layers(verdict, x),
        *_line_layers(lines, x, _loss_axis(log_y) | {"title": None}, legend=False),
        *zones.rule_layers(verdict, None, x),
    ]
    spec = _finish(layers, {"lines": lines}, _SMALL_PX)
    return spec | {"title": {"text": title, "color": ink, "fontSize": 12, "limit": 260}}


def overlay_chart(
    runs: dict[str, tuple[Curve, str]], *, log_y: bool = False, height: int = 300
) -> dict[str, Any]:
    """The validation loss of several runs in one chart.

    Args:
        runs: name -> (curve, colour).
        log_y: logarithmic loss axis.
        height: of the whole chart in px.
    """
    parts = []
    for name, (curve, _) in runs.items():
        values = _drawable(curve.values, log_y)
        keep = _kept(values)
        parts.append(pd.DataFrame({"x": curve.steps[keep], "y": values[keep], "run": name}))
    data = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    if data.empty or not np.isfinite(data["y"].to_numpy(float)).any():
        return _nothing("No validation loss to draw.")
    colours = {"domain": list(runs), "range": [colour for _, colour in runs.values()]}
    steps = data["x"].to_numpy(np.int64)
    x = XAxis(int(steps.min()), int(steps.max()))
    layer = {
        "data": {"name": "runs"},
        "mark": {"type": "line", "strokeWidth": 2, "point": _dots(len(data) / len(runs))},
        "encoding": {
            "x": x.encoding(),
            "y": _loss_axis(log_y) | {"title": VAL_NAME},
            "color": {"field": "run", "type": "nominal", "scale": colours,
                      "legend": {"orient": "top", "title": None, "columns": 4,
                                 "symbolType": "stroke"}},
            "tooltip": [{"field": "run", "type": "nominal", "title": "Run"},
                        _tip("x", "Step", ","), _tip("y", "Loss", _LOSS)],
        },
    }  # fmt: skip
    return _finish([layer], {"runs": data}, height)


def _nothing(reason: str) -> dict[str, Any]:
    return no_data(reason).to_dict(validate=False)


def _finish(
    layers: list[dict[str, Any]], datasets: dict[str, pd.DataFrame], height: int
) -> dict[str, Any]:
    return {
        "width": "container",
        "height": height,
        "config": configuration(),
        "layer": layers,
        "datasets": datasets,
    }


_Y_AXIS: dict[str, Any] = {"format": f".4{NUMBER}", "minExtent": _Y_EXTENT, "maxExtent": _Y_EXTENT}


def _loss_axis(log_y: bool) -> dict[str, Any]:
    # Padding instead of rounding: a log axis would be rounded to whole decades.
    scale = {"type": "log" if log_y else "linear", "nice": False, "padding": 14}
    scale |= {} if log_y else {"zero": False}
    return {"field": "y", "type": "quantitative", "title": "Loss", "scale": scale, "axis": _Y_AXIS}


def _tip(field: str, title: str, form: str) -> dict[str, Any]:
    return {"field": field, "type": "quantitative", "title": title, "format": form}


def _drawable(values: np.ndarray, log_y: bool) -> np.ndarray:
    """Values with NaN where the line must break."""
    good = np.isfinite(values) & ((values > 0) | (not log_y))
    return np.where(good, values, np.nan)


def _kept(values: np.ndarray) -> np.ndarray:
    """What a screen can show, with the NaN, so that none is bridged; of many one a stretch."""
    bad = np.isnan(values)
    if bad.sum() > _MAX_GAPS:
        bad &= ~np.concatenate(([False], bad[:-1]))
    return np.union1d(thin(values), np.flatnonzero(bad)[:_MAX_GAPS])


def _lines(pair: LossPair, look: Look) -> pd.DataFrame:
    """x, step, y (NaN where the line breaks), split, part ("raw" or "line")."""
    span = pair.step_range() or (0, 0)
    x = look.x(span)
    parts = []
    for curve, name in ((pair.train, TRAIN_NAME), (pair.val, VAL_NAME)):
        if curve is None or not len(curve):
            continue
        drawn = [("raw", curve), ("line", trend_of(curve))] if look.trend else [("line", curve)]
        for part, each in drawn:
            values = _drawable(each.values, look.log_y)
            keep = _kept(values)
            steps = each.steps[keep]
            parts.append(pd.DataFrame({"x": x.place(steps), "step": steps, "y": values[keep],
                                       "split": name, "part": part}))  # fmt: skip
    if not parts:
        return pd.DataFrame({"x": [], "step": [], "y": [], "split": [], "part": []})
    return pd.concat(parts, ignore_index=True)


def _line_layers(
    lines: pd.DataFrame, x: XAxis, y: dict[str, Any], *, legend: bool = True
) -> list[dict[str, Any]]:
    """The faint raw curves, where there are some, and the lines."""
    names = list(dict.fromkeys(lines["split"]))
    key = {
        "orient": "top",
        "title": None,
        "offset": 2 * zones.NAME_LINE_PX + 4,
        "symbolType": "stroke",
    }
    shared = {"field": "split", "type": "nominal", "legend": key if legend else None}
    encoding = {
        "x": x.encoding(), "y": y,
        "color": shared | {"scale": {"domain": names, "range": [_COLOURS[n] for n in names]}},
        "strokeDash": shared | {"scale": {"domain": names, "range": [_DASHES[n] for n in names]}},
        "tooltip": [{"field": "split", "type": "nominal", "title": "Curve"},
                    _tip("step", x.step_name, ","), _tip("y", "Loss", _LOSS)],
    }  # fmt: skip
    layers = []
    for part in ("raw", "line"):
        chosen = lines["part"].tolist().count(part)
        if chosen:
            mark: dict[str, Any] = {"type": "line", "strokeWidth": 2, "clip": True}
            if part == "raw":
                mark |= {"strokeWidth": 1, "opacity": _FAINT}
            mark["point"] = part == "line" and _dots(chosen / len(names))
            layers.append({
                "data": {"name": "lines"}, "mark": mark, "encoding": encoding,
                "transform": [{"filter": f"datum.part === '{part}'"}],
            })  # fmt: skip
    return layers


def _dots(points: float) -> Any:
    return {"size": 18} if points <= _FEW_POINTS else False


def _gap(pair: LossPair, *, trend: bool) -> Curve | None:
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
