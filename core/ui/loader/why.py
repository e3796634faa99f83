"""Why: what a step is made of now, and what a faster device would change."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core import loader
from core.charts import loader as charts
from core.loader import Model, Prediction, Recommendation, Setting, Trials
from core.ui import draw
from core.ui.format import percent
from core.ui.texts import t

FASTER = (1, 2, 3, 5, 10)
"""How many times faster the step may be."""


def limits(trials: Trials, found: Recommendation) -> None:
    """A stacked bar of the step for the setting in use and the recommended one."""
    if trials.costs is None:
        return
    model = Model(trials.costs)
    chosen = {t("loader.bar.now", setting=found.baseline.label): found.baseline}
    if found.best is not None and found.best != found.baseline:
        chosen[t("loader.bar.best", setting=found.best.label)] = found.best
    rows = {
        name: loader.step_parts(model, setting, _step_ms(trials, setting))
        for name, setting in chosen.items()
    }
    st.subheader(t("loader.limits"))
    parts = next(iter(rows.values()))
    total = sum(part.ms for part in parts)
    top = max(parts, key=lambda part: part.ms)
    share = percent(100 * top.ms / total) if total else "–"
    st.markdown(t("loader.limits.text", part=t(f"part.{top.name}"), share=share))
    draw.chart(charts.step_chart(rows), alt=t("loader.limits.alt"), key="step")


def _step_ms(trials: Trials, setting: Setting) -> float | None:
    """Measured mean of a step, where there is one."""
    known = [x.step_ms for x in trials.trials if x.setting == setting and x.step_ms is not None]
    return sorted(known)[len(known) // 2] if known else None


@st.cache_data(max_entries=16, show_spinner=False)
def _faster(key: str, _trials: Trials, _settings: dict[str, Setting]) -> pd.DataFrame:
    """Throughput of some settings, and of the best one, at each speed of the step."""
    rows = []
    considered = [p.setting for p in _trials.predicted if p.fits]
    if _trials.costs is None:
        return pd.DataFrame()
    for factor in FASTER:
        model = Model(_trials.costs, float(factor))
        chosen = {name: model.predict([setting])[0] for name, setting in _settings.items()}
        every = model.predict(considered)
        chosen[t("loader.faster.best")] = max(every, key=lambda p: p.samples_per_s)
        rows += [_row(factor, name, prediction) for name, prediction in chosen.items()]
    return pd.DataFrame(rows)


def _row(factor: int, name: str, prediction: Prediction) -> dict[str, object]:
    return {
        "factor": factor,
        "setting": name,
        "samples_per_s": prediction.samples_per_s,
        "limit": t(f"limit.{prediction.limit}"),
        "label": prediction.setting.label,
    }


def faster(trials: Trials, found: Recommendation) -> None:
    """What a device that computes the step N times faster would gain, by the model alone."""
    settings = {t("loader.now"): found.baseline}
    if found.best is not None and found.best != found.baseline:
        settings[t("loader.recommended")] = found.best
    key = repr((trials.costs, settings, [p.setting for p in trials.predicted]))
    frame = _faster(key, trials, settings)
    if frame.empty:
        return
    with st.expander(t("loader.faster"), icon=":material/bolt:"):
        st.markdown(t("loader.faster.text"))
        draw.chart(charts.faster_chart(frame), alt=t("loader.faster"), key="faster")
        best = frame[frame["setting"] == t("loader.faster.best")]
        for factor, label, limit in zip(best["factor"], best["label"], best["limit"], strict=True):
            if factor in (1, 3, 10):
                st.caption(t("loader.faster.line", factor=factor, setting=label, limit=limit))
