"""What the dynamics page is made of: the slider with its zones, the verdict, advice, simulator."""

from __future__ import annotations

from typing import TypeVar

import streamlit as st

from core import dynamics
from core.charts import dynamics as charts
from core.dynamics import LossPair, Verdict
from core.errors import NotFound
from core.runs import Run
from core.ui import data, draw, forms
from core.ui.format import number, plain, signed
from core.ui.texts import t

_N = TypeVar("_N", int, float)

_STATUS_ICON = {
    "ok": ":material/check_circle:",
    "warning": ":material/warning:",
    "fail": ":material/error:",
    "unknown": ":material/help:",
}
_ALERT = {
    "overfitting": st.error,
    "diverged": st.error,
    "not-learning": st.error,
    "underfitting": st.info,
    "optimal": st.success,
}


def run_view(run: Run) -> None:
    """The dynamics of a run, drawn anew every other second while the run is live."""
    (_live if data.is_live(run) else _run)(run)


def _run(run: Run) -> None:
    with data.errors_shown():
        run = data.look_again(run)
        if not run.event_files and data.is_live(run):
            st.info(t("dynamics.waiting"), icon=":material/hourglass_empty:")
            return
        judged = data.judge(run)
        if not judged:
            raise NotFound(t("dynamics.noloss", run=run.key))
        chosen = _choose(judged)
        if chosen.pair.val is None or not len(chosen.pair.val):
            st.info(plain(chosen.verdict.summary), icon=":material/info:")
        _slider_view(run, chosen)


_live = st.fragment(_run, run_every=data.LIVE_S)


def _choose(judged: list[data.Judged]) -> data.Judged:
    """One pair of losses; a chooser where the run has several."""
    if len(judged) == 1:
        return judged[0]
    labels = {f"{j.pair.run}: {j.pair.train_tag} / {j.pair.val_tag}": j for j in judged}
    return labels[st.selectbox(t("dynamics.pair"), list(labels), key="pair")]


def _slider_view(run: Run, judged: data.Judged) -> None:
    pair, verdict = judged.pair, judged.verdict
    reach = pair.step_range()
    if reach is None:
        return
    first, last = reach
    step, unit = last, data.step_name(run)
    if last > first:
        step = st.slider(unit, first, last, value=last, key="step", bind="query-params")
    with st.container(horizontal=True):
        known = st.toggle(t("dynamics.known"), key="known", help=t("dynamics.known.help"))
        log_y = st.toggle(t("dynamics.log"), key="logy")
    if known:
        verdict = dynamics.diagnose(pair, at=step)
    _figures(pair, verdict, step, unit)
    _verdict(verdict)
    _checkpoint(run, verdict)
    _charts(pair, verdict, step, unit, log_y)
    _advice(run, verdict)
    _checks(verdict)


def _checkpoint(run: Run, verdict: Verdict) -> None:
    """The file to keep, where the run is ours and wrote one."""
    best = run.path / "checkpoints" / "best.pt"
    if verdict.best_step is not None and best.is_file():
        unit = data.step_name(run).lower()
        st.markdown(t("dynamics.checkpoint", unit=unit, step=verdict.best_step, path=best))


def _figures(pair: LossPair, verdict: Verdict, step: int, unit: str) -> None:
    """Train, validation and gap where the slider stands, and the zone it stands in."""
    train = pair.train.at(step) if pair.train is not None else None
    val = pair.val.at(step) if pair.val is not None else None
    phase = verdict.phase_at(step)
    with st.grid(5, min_column_width=120, gap="small"):
        st.metric(unit, f"{step:,}", border=True)
        st.metric(t("dynamics.zone"), t(f"phase.{phase}") if phase else "–", border=True)
        st.metric(t("dynamics.train"), number(train), border=True)
        st.metric(t("dynamics.val"), number(val), border=True)
        st.metric(t("dynamics.gap"), signed(verdict.gap_at(step)), border=True)


def _verdict(verdict: Verdict) -> None:
    show = _ALERT.get(verdict.verdict, st.warning)
    show(plain(verdict.summary), title=t(f"verdict.{verdict.verdict}"))


def _charts(pair: LossPair, verdict: Verdict, step: int, unit: str, log_y: bool) -> None:
    draw.chart(
        charts.zones_chart(
            pair, verdict, step, log_y=log_y, step_name=unit, ink=draw.ink(), height=400
        ),
        alt=t("dynamics.chart.alt", summary=verdict.summary),
        key="zones",
    )
    if pair.train is not None and pair.val is not None:
        draw.chart(
            charts.gap_chart(pair, verdict, step, step_name=unit, height=220),
            alt=t("dynamics.gapchart.alt"),
            key="gap",
        )


def _advice(run: Run | None, verdict: Verdict) -> None:
    """What to do, each with a button that relaunches with it where the run is ours."""
    st.subheader(t("dynamics.todo"))
    job = data.job_of(run) if run is not None else None
    with st.grid(3, min_column_width=260):
        for index, advice in enumerate(verdict.advice):
            with st.container(border=True):
                st.markdown(f"**{plain(advice.title)}**")
                st.markdown(plain(advice.text))
                if job is None or not advice.overrides:
                    continue
                known = {k: v for k, v in advice.overrides.items() if k in job.params}
                if known and st.button(t("dynamics.relaunch"), key=f"relaunch{index}"):
                    words = ", ".join(f"{k} = {v}" for k, v in known.items())
                    why = t("dynamics.relaunch.why", id=job.id, change=words)
                    forms.prefill("train", job.workload, {**job.params, **known}, job.id, why)


def _checks(verdict: Verdict) -> None:
    with st.expander(t("dynamics.checks", count=len(verdict.checks))):
        for check in verdict.checks:
            icon = _STATUS_ICON[check.status]
            st.markdown(f"{icon} **{plain(check.name)}**: {plain(check.detail)}")


def simulator() -> None:
    """Move capacity, data, noise and regularisation and see the same zones and verdict."""
    st.markdown(t("simulator.dynamics"))
    default = dynamics.SimulatorSettings()
    controls, picture = st.columns([1, 3], gap="large")
    with controls:
        settings = dynamics.SimulatorSettings(
            capacity=_knob("capacity", default.capacity),
            samples=_knob("samples", default.samples),
            noise=_knob("noise", default.noise),
            regularisation=_knob("regularisation", default.regularisation),
            epochs=_knob("epochs", default.epochs),
        )
    with picture, data.errors_shown():
        pair = dynamics.simulate(settings)
        verdict = dynamics.diagnose(pair)
        unit = data.step_name(None)
        step = st.slider(unit, 0, settings.epochs, value=settings.epochs, key="simstep")
        _figures(pair, verdict, step, unit)
        _verdict(verdict)
        _charts(pair, verdict, step, unit, log_y=False)
        _advice(None, verdict)


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
