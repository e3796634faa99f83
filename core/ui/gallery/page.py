"""One killer: code, why it costs, the bubble, what the diagnosis says, the fix, the proof."""

from __future__ import annotations

import streamlit as st

from core import gallery
from core.charts import compare as charts
from core.gallery import Case, Entry
from core.traces import Lanes, build_lanes
from core.ui import data, draw, timeline
from core.ui.bottlenecks import findings
from core.ui.format import duration_ms, plain
from core.ui.gallery import figures, trial
from core.ui.texts import t


@st.cache_resource(max_entries=len(gallery.ENTRIES), show_spinner="Diagnosing the traces …")
def _case(key: str) -> Case:
    return gallery.load(gallery.get(key))


@st.cache_resource(max_entries=len(gallery.ENTRIES), show_spinner=False)
def _lanes(key: str) -> tuple[Lanes, Lanes]:
    case = _case(key)
    return build_lanes(case.before), build_lanes(case.after)


def show() -> None:
    """The chooser, bound to ``?killer=``, and the chosen entry; the others are not even read."""
    st.markdown(t("gallery.text"))
    by_name = {t(f"gallery.{entry.key}.name"): entry for entry in gallery.ENTRIES}
    name = st.pills(
        t("gallery.choose"), list(by_name), default=next(iter(by_name)), required=True,
        key="killer", bind="query-params", label_visibility="collapsed",
    )  # fmt: skip
    entry = by_name.get(name or "", gallery.ENTRIES[0])
    with data.errors_shown():
        _show(entry, _case(entry.key))


def _show(entry: Entry, case: Case) -> None:
    st.subheader(t(f"gallery.{entry.key}.title"))
    figures.origin(entry)
    figures.figures(case)
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.markdown(f"**{t('gallery.code')}**")
        st.code(gallery.code(entry.key, "before"), line_numbers=True, wrap_lines=True)
    with right:
        st.markdown(f"**{t('gallery.why')}**")
        st.markdown(t(f"gallery.{entry.key}.why"))
        st.markdown(f"**{t('gallery.says')}**")
        with st.container(border=True):
            if case.finding is None:
                st.info(t("gallery.missed", rule=entry.rule), icon=":material/info:")
            else:
                findings.describe(case.finding)
    first, second = gallery.excerpts(case)
    length = duration_ms((first[1] - first[0]) / 1e3)
    st.subheader(t("gallery.bubble"))
    st.caption(t("gallery.bubble.help", length=length))
    _timeline(entry.key, "before", first)
    st.subheader(t("gallery.fix"))
    st.code(gallery.diff(entry.key), language="diff", wrap_lines=True)
    st.markdown(f"**{t('gallery.after')}** {plain(case.compared.b.headline)}")
    if figures.left(case):
        st.caption(figures.left(case))
    st.caption(t("gallery.after.help", length=length))
    _timeline(entry.key, "after", second)
    _proof(entry, case)
    trial.offer(entry)


@st.fragment
def _timeline(key: str, side: str, focus: tuple[float, float]) -> None:
    case, lanes = _case(key), _lanes(key)
    before = side == "before"
    marks = case.finding.ranges_us if before and case.finding is not None else ()
    found = case.compared.a if before else case.compared.b
    timeline.show(
        lanes[0 if before else 1],
        key=f"timeline.gallery.{key}.{side}",
        focus=focus,
        marks=marks,
        caption=found.headline,
    )


def _proof(entry: Entry, case: Case) -> None:
    """Predicted against measured, and where the time of a step went."""
    st.subheader(t("gallery.proof"))
    st.markdown(plain(figures.summary(case)))
    figures.promises(case)
    for note in case.compared.notes:
        st.caption(f":material/info: {plain(note)}")
    left, right = st.columns(2, gap="large")
    names = (t("gallery.a"), t("gallery.b"))
    with left:
        st.markdown(f"**{t('compare.stacks')}**")
        stacks = charts.stacks_chart(case.compared, names)
        draw.chart(stacks, alt=t("compare.stacks.alt"), key=f"stacks.{entry.key}")
    with right:
        st.markdown(f"**{t('compare.differences')}**")
        bars = charts.differences_chart(case.compared)
        draw.chart(bars, alt=t("compare.differences.alt"), key=f"differences.{entry.key}")
