"""Charts of training dynamics: loss curves over their zones, the gap, runs beside each other.

Written as plain Vega-Lite: a playing slider draws these several times a second, and Altair needs
four to twenty times as long to make the same chart. The tests hold them against its schema.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from core.charts import curves, zones
from core.charts.curves import VALUE, Look, dots, tip
from core.charts.placing import Plot
from core.charts.theme import RULE, VAL, configuration, no_data
from core.charts.xaxis import XAxis
from core.dynamics import Curve, LossPair, StopRow, Verdict
from core.series import thin

_SMALL_PX = 210
_AROUND_PX, _AROUND_GAP_PX = 130, 72
"""What legend, names and axis take of the height of a chart, about."""


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
    frame = curves.lines(pair, look)
    if span is None or not np.isfinite(frame["y"].to_numpy(float)).any():
        return _nothing(f"No finite {pair.quantity} to draw.")
    x = look.x(span)
    y = curves.value_axis(curves.meaning(pair), log_y=look.log_y)
    readings = zones.reading_rows(
        [("training", pair.train), ("validation", pair.val)], pair, verdict, step
    )
    shown = [row for row in readings if row["y"] > 0 or not look.log_y]
    plot = _plot(curves.tracks(frame), x, height - _AROUND_PX, log=look.log_y)
    layers = [
        *zones.band_layers(verdict, x, look.ink),
        *zones.best_band_layers(verdict, x),
        *curves.line_layers(frame, pair, x, y),
        *zones.rule_layers(verdict, step, x),
        *zones.stop_layers(stops, x, look.ink),
        *zones.reading_layers(shown, x, y, look.ink, plot),
    ]
    return _finish(layers, {"lines": frame}, height)


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
    gap = curves.gap_of(pair, trend=look.trend)
    if span is None or gap is None or not len(gap):
        return _nothing(f"The gap needs training and validation {pair.quantity}.")
    x = look.x(span)
    keep = thin(gap.values)
    data = pd.DataFrame({"x": x.place(gap.steps[keep]), "step": gap.steps[keep],
                         "y": gap.values[keep]})  # fmt: skip
    y = curves.value_axis("Gap (val − train)")
    tips = [tip("step", look.step_name, ","), tip("y", f"Gap in {pair.quantity}", VALUE)]
    line = {
        "data": {"name": "gap"},
        "mark": {"type": "line", "color": VAL, "strokeWidth": 2, "point": dots(len(data))},
        "encoding": {"x": x.encoding(), "y": y, "tooltip": tips},
    }
    rows = []
    # Where the run has ended in NaN there is no gap any more, whatever the last finite one was.
    logged = np.nan if step is None or pair.val is None else pair.val.at(step)
    if step is not None and np.isfinite(logged) and np.isfinite(gap.at(step)):
        rows = [{"step": step, "y": gap.at(step), "name": "gap"}]
    track = (data["x"].to_numpy(float), data["y"].to_numpy(float))
    layers = [
        *zones.band_layers(verdict, x),
        line,
        *zones.rule_layers(verdict, step, x),
        *zones.reading_layers(rows, x, y, look.ink, _plot([track], x, height - _AROUND_GAP_PX)),
    ]
    return _finish(layers, {"gap": data}, height)


def small_chart(
    pair: LossPair, verdict: Verdict, title: str, ink: str = RULE, *, log_y: bool = False
) -> dict[str, Any]:
    """One of several runs: its curves over its zones, without words."""
    span = pair.step_range()
    frame = curves.lines(pair, Look(log_y))
    if span is None or not np.isfinite(frame["y"].to_numpy(float)).any():
        return _nothing(f"{title}: no finite {pair.quantity} to draw")
    x = XAxis(*span)
    # A loss needs no title; that it is an error has to be said.
    y = curves.value_axis(curves.meaning(pair), log_y=log_y)
    y |= {} if pair.negated else {"title": None}
    layers = [
        *zones.band_layers(verdict, x),
        *zones.best_band_layers(verdict, x),
        *curves.line_layers(frame, pair, x, y, legend=False),
        *zones.rule_layers(verdict, None, x),
    ]
    spec = _finish(layers, {"lines": frame}, _SMALL_PX)
    return spec | {"title": {"text": title, "color": ink, "fontSize": 12, "limit": 260}}


def overlay_chart(
    runs: dict[str, tuple[Curve, str]],
    *,
    title: str = "Validation loss",
    log_y: bool = False,
    height: int = 300,
) -> dict[str, Any]:
    """The validation loss of several runs in one chart.

    Args:
        runs: name -> (curve, colour).
        title: what the curves are of.
        log_y: logarithmic loss axis.
        height: of the whole chart in px.
    """
    parts = []
    for name, (curve, _) in runs.items():
        values = curves.drawable(curve.values, log_y)
        keep = curves.kept(values)
        parts.append(pd.DataFrame({"x": curve.steps[keep], "y": values[keep], "run": name}))
    data = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    if data.empty or not np.isfinite(data["y"].to_numpy(float)).any():
        return _nothing("No validation loss to draw.")
    colours = {"domain": list(runs), "range": [colour for _, colour in runs.values()]}
    steps = data["x"].to_numpy(np.int64)
    x = XAxis(int(steps.min()), int(steps.max()))
    layer = {
        "data": {"name": "runs"},
        "mark": {"type": "line", "strokeWidth": 2, "point": dots(len(data) / len(runs))},
        "encoding": {
            "x": x.encoding(),
            "y": curves.value_axis(title, log_y=log_y),
            "color": {"field": "run", "type": "nominal", "scale": colours,
                      "legend": {"orient": "top", "title": None, "columns": 4,
                                 "symbolType": "stroke"}},
            "tooltip": [{"field": "run", "type": "nominal", "title": "Run"},
                        tip("x", "Step", ","), tip("y", title, VALUE)],
        },
    }  # fmt: skip
    return _finish([layer], {"runs": data}, height)


def _plot(tracks: list, x: XAxis, height_px: float, *, log: bool = False) -> Plot:
    low, high = x.place([x.first, x.last]).tolist()
    return Plot(tracks, (low, high), height_px, log=log)


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
