"""Histograms over steps, precision-recall curves, and tensors of the chosen runs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from core.charts import histograms as charts
from core.charts import hparams as pr
from core.charts.paint import colours
from core.runs import Run
from core.ui import draw
from core.ui.explore import steps
from core.ui.format import plain
from core.ui.texts import t

_CHARTS = {"heat": charts.histogram_chart, "bands": charts.distribution_chart}


def histograms(runs: list[Run]) -> None:
    """Draw the histograms view."""
    tag = steps.pick_tag(runs, "histograms")
    if tag is None:
        return
    style = st.segmented_control(
        t("runs.style"), list(_CHARTS), default="heat", required=True, key="histogram",
        format_func=lambda name: t(f"runs.style.{name}"), bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    found = steps.places(runs, "histograms", tag)
    with st.grid(min(len(found), 2), min_column_width=320):
        for place in found:
            wanted = charts.some_steps(place.steps)
            loaded = steps.read(place, "histograms", tag, wanted)
            if loaded is None:
                continue
            rows = loaded.histograms
            rows = rows.loc[rows["run"] == place.folder]
            chart = _CHARTS[style or "heat"](rows, title=place.name)
            draw.chart(chart, alt=t("runs.histogram.alt", tag=tag))
    shown = max(len(charts.some_steps(place.steps)) for place in found)
    total = max(len(np.unique(place.steps)) for place in found)
    key = "runs.style.heat.help" if style == "heat" else "runs.style.bands.help"
    st.caption(t(key) + (" " + t("runs.somesteps", n=shown, total=total) if shown < total else ""))


def pr_curves(runs: list[Run]) -> None:
    """Draw the precision-recall view."""
    tag = steps.pick_tag(runs, "pr_curves")
    if tag is None:
        return
    found = steps.places(runs, "pr_curves", tag)
    step = steps.pick_step(found, "pr_curves")
    curves: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for place in found:
        at = place.at(step)
        loaded = steps.read(place, "pr_curves", tag, [at]) if at is not None else None
        if loaded is None:
            continue
        for row in loaded.pr_curves.to_dict("records")[-1:]:
            curves[place.name] = (np.asarray(row["precision"]), np.asarray(row["recall"]))
    if curves:
        chart = pr.pr_chart(curves, colours(list(curves)), title=t("runs.pr", tag=tag, step=step))
        draw.chart(chart, alt=t("runs.pr", tag=tag, step=step))


def tensors(runs: list[Run]) -> None:
    """Draw the tensors view: shape and range of each step."""
    tag = steps.pick_tag(runs, "tensors")
    if tag is None:
        return
    rows: list[dict[str, object]] = []
    for place in steps.places(runs, "tensors", tag):
        loaded = steps.read(place, "tensors", tag, charts.some_steps(place.steps))
        if loaded is None:
            continue
        for step, value in zip(loaded.tensors["step"], loaded.tensors["value"], strict=True):
            rows.append({t("overview.run"): place.name, t("runs.step"): step, **_describe(value)})
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", alt=plain(tag))


def _describe(value: object) -> dict[str, object]:
    array = np.asarray(value, float)
    finite = array[np.isfinite(array)]
    low, high, mean = (finite.min(), finite.max(), finite.mean()) if finite.size else (np.nan,) * 3
    shape = " × ".join(map(str, array.shape)) or t("runs.tensor.scalar")
    return {
        t("runs.tensor.shape"): shape,
        t("runs.tensor.low"): low,
        t("runs.tensor.high"): high,
        t("runs.tensor.mean"): mean,
        t("runs.tensor.nonfinite"): int(array.size - finite.size),
    }
