"""One run: its verdict, the slider that goes through it, the charts, what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from core import dynamics
from core.charts import dynamics as charts
from core.charts.curves import Look
from core.dynamics import LossPair, StopRow, Verdict
from core.runs import Run
from core.ui import data, draw, live
from core.ui.compare import links
from core.ui.dynamics import choosing, playing, report, store
from core.ui.dynamics.choosing import View
from core.ui.texts import t


def run_view(run: Run) -> None:
    """The dynamics of a run, drawn anew by itself while it is live or its slider plays."""
    links.to_parent(run, "before")
    if playing.playing():
        _play(run, ticking=True)
    elif _grows(run):
        st.fragment(_run, run_every=live.every_s(run))(run)
    else:
        _still(run)


def _grows(run: Run) -> bool:
    """Whether a run of ours goes on: others do not tell when they end."""
    return run.job is not None and data.is_writing(run)


def _run(run: Run, *, ticking: bool = False) -> None:
    with data.errors_shown():
        run = data.look_again(run)
        if data.is_live(run) and not (run.event_files and data.judge(run)):
            st.info(t("dynamics.waiting"), icon=":material/hourglass_empty:")
            return
        with st.container(horizontal=True, vertical_alignment="bottom"):
            judged = choosing.choose(run)
            view = choosing.view(data.step_name(run), store.clock(run, judged.pair))
            exports = st.container(width="content")
        _slider_view(run, judged, view, exports, ticking=ticking)


_INK_ON_PAPER = "#31333F"

_still = st.fragment(_run)
_play = st.fragment(_run, run_every=playing.TICK_S)


def _slider_view(run: Run, judged: data.Judged, view: View, exports: Any, *, ticking: bool) -> None:
    pair, verdict = judged.pair, judged.verdict
    scale = playing.scale(pair)
    if scale is None:
        return
    unit = view.look.step_name
    top = st.container()
    step = playing.slider(unit, *scale, ticking=ticking, live=_grows(run))
    past = store.hindsight(run, pair, step) if step < scale[1] else None
    if view.known and past is not None:
        verdict = dynamics.diagnose(pair, at=step)
    with top:
        report.verdict_box(verdict, unit)
    report.figures(verdict, pair, step, unit)
    if past is not None:
        report.then(past, unit, step)
    stops = dynamics.stop_rows(pair, verdict) if view.rules else ()
    draw_charts(pair, verdict, step, view.look, stops)
    if stops:
        report.stops_table(stops, unit, pair.quantity)
    report.checkpoint(run, verdict, unit)
    report.advice(run, verdict, unit)
    report.checks(verdict)
    with exports:
        report.downloads(verdict, _pictures(pair, verdict, step, view.look, stops), run.key)


def _tall(stops: tuple[StopRow, ...]) -> int:
    """Height of the main chart in px: the legend of the rules takes some."""
    return 540 if stops else 440


def draw_charts(
    pair: LossPair, verdict: Verdict, step: int, look: Look, stops: tuple[StopRow, ...] = ()
) -> None:
    """The curves over their zones, and their gap where there are both."""
    draw.chart(
        charts.zones_chart(pair, verdict, step, look, stops=stops, height=_tall(stops)),
        alt=t("dynamics.chart.alt", what=pair.quantity, summary=verdict.summary),
        key="zones",
    )
    if pair.train is not None and pair.val is not None:
        draw.chart(
            charts.gap_chart(pair, verdict, step, look, height=230),
            alt=t("dynamics.gapchart.alt", what=pair.quantity),
            key="gap",
        )


def _pictures(
    pair: LossPair, verdict: Verdict, step: int, look: Look, stops: tuple[StopRow, ...]
) -> Any:
    """Makes the charts for paper when it is called."""
    paper = replace(look, ink=_INK_ON_PAPER)

    def make() -> list[dict[str, Any]]:
        drawn = [charts.zones_chart(pair, verdict, step, paper, stops=stops, height=_tall(stops))]
        if pair.train is not None and pair.val is not None:
            drawn.append(charts.gap_chart(pair, verdict, step, paper, height=230))
        return drawn

    return make
