"""The simulator: move the causes of over- and underfitting and see zones and verdict."""

from __future__ import annotations

from dataclasses import asdict
from typing import TypeVar

import streamlit as st

from core import dynamics
from core.charts.curves import Look
from core.dynamics import SimulatorSettings
from core.ui import data, draw
from core.ui.dynamics import report
from core.ui.dynamics.page import draw_charts
from core.ui.texts import t

_N = TypeVar("_N", int, float)
_RATES = {f"{rate:g}": rate for rate in dynamics.LEARNING_RATES}


def simulator() -> None:
    """Sliders on the left, what comes of them on the right."""
    st.markdown(t("simulator.dynamics"))
    with st.container(horizontal=True):
        for name in dynamics.PRESETS:
            st.button(t(f"preset.{name}"), key=f"preset.{name}", on_click=_take, args=(name,))
    controls, picture = st.columns([1, 3], gap="large")
    with controls:
        settings = _settings()
    with picture, data.errors_shown():
        pair = dynamics.simulate(settings)
        verdict = dynamics.diagnose(pair)
        unit = data.step_name(None)
        report.verdict_box(verdict, unit)
        step = st.slider(unit, 0, settings.epochs, value=settings.epochs, key="simstep")
        report.figures(verdict, pair, step, unit)
        draw_charts(pair, verdict, step, Look(step_name=unit, ink=draw.ink()))
        report.advice(None, verdict, unit)


def _take(name: str) -> None:
    """Move the sliders where a preset wants them."""
    for knob, value in asdict(dynamics.PRESETS[name]).items():
        text = f"{value:g}" if knob == "learning_rate" else value
        st.session_state[f"sim.{knob}"] = text
    st.session_state.pop("simstep", None)


def _settings() -> SimulatorSettings:
    default = SimulatorSettings()
    return SimulatorSettings(
        capacity=_knob("capacity", default.capacity),
        samples=_knob("samples", default.samples),
        noise=_knob("noise", default.noise),
        regularisation=_knob("regularisation", default.regularisation),
        learning_rate=_rate(default.learning_rate),
        epochs=_knob("epochs", default.epochs),
        seed=_knob("seed", default.seed),
    )


def _knob(name: str, default: _N) -> _N:
    low, high = (type(default)(bound) for bound in dynamics.BOUNDS[name])
    return st.slider(
        t(f"simulator.{name}"),
        low,
        high,
        value=default,
        key=f"sim.{name}",
        bind="query-params",
        help=t(f"simulator.{name}.help"),
    )


def _rate(default: float) -> float:
    chosen = st.select_slider(
        t("simulator.learning_rate"),
        list(_RATES),
        value=f"{default:g}",
        key="sim.learning_rate",
        bind="query-params",
        help=t("simulator.learning_rate.help"),
    )
    return _RATES[chosen]
