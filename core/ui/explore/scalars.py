"""Scalar curves of the chosen runs: train and validation on one chart, sections by prefix."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.dataframe_util import convert_pandas_df_to_arrow_bytes as as_arrow

from core import series
from core.charts import scalars as charts
from core.charts.paint import colours
from core.runs import Run
from core.series import Curve, Look, Picture
from core.ui import draw
from core.ui.explore import downloads, legend
from core.ui.explore.patterns import compiled
from core.ui.explore.store import Drawing, curves, drawings, ledger
from core.ui.format import plain
from core.ui.texts import t

MAX_CHARTS = 24
"""Charts drawn at once; the tag filter and the sections narrow the rest."""

BUDGET_S = 0.7
"""Seconds of reading curves in one look: what is left is read at the next ones."""

OPEN_AT_FIRST = 12
"""Sections are open to begin with until this many charts are in sight."""


@dataclass(frozen=True, slots=True)
class Controls:
    """What the user set.

    Attributes:
        look: how curves are drawn.
        tags: which tags, None: all.
        seeds: what tells the runs of a group apart, None: the usual.
    """

    look: Look
    tags: re.Pattern[str] | None
    seeds: re.Pattern[str] | None


class _Reading:
    """Reads curves until the time is up, one at least; what was read so far is drawn meanwhile."""

    def __init__(self) -> None:
        self._deadline = time.monotonic() + BUDGET_S
        self._begun = False
        self.waiting: set[str] = set()

    def get(self, run: Run, tags: Sequence[str]) -> list[Curve]:
        """The curves of some tags of a run as far as they are known."""
        found, current = curves().get(run, tags, read=False)
        if not current and (not self._begun or time.monotonic() < self._deadline):
            self._begun = True
            found, current = curves().get(run, tags)
        if not current:
            self.waiting.add(run.key)
        return found


def show(runs: list[Run]) -> bool:
    """Draw the view; says whether there is more to be read."""
    controls = _controls(runs)
    sections = _sections(runs, controls.tags)
    if not sections:
        _nothing(runs)
        return False
    groups = {}
    names = [run.key for run in runs]
    if controls.look.band:
        groups = series.group_runs(names, controls.seeds)
        names = list(dict.fromkeys(groups.values()))
    colour = colours(names) if len(names) > 1 else None
    splits = {
        series.split_of(tag, folder)
        for titles in sections.values()
        for parts in titles.values()
        for folder, tag in parts
    }
    legend.show(names, colour, splits, groups)
    _restarts(runs, controls.look)
    progress, reading = st.empty(), _Reading()
    shown = _draw_sections(runs, sections, controls.look, colour, groups, reading)
    waiting = len(reading.waiting)
    if waiting:
        read = len(runs) - waiting
        progress.progress(
            read / len(runs), t("runs.reading", n=f"{read:,}", total=f"{len(runs):,}")
        )
    else:
        downloads.scalars(runs, shown)
    return bool(waiting)


def _nothing(runs: list[Run]) -> None:
    logged = any(line.kind == "scalars" for run in runs for line in ledger().outline(run).lines)
    key = "runs.notag" if logged else "runs.no.scalars"
    st.info(t(key), icon=":material/info:")


def _controls(runs: list[Run]) -> Controls:
    lines = [line for run in runs for line in ledger().outline(run).lines]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        tags = st.text_input(
            t("runs.filter"), key="tag", bind="query-params", width=220,
            placeholder=t("runs.filter.example"), icon=":material/search:",
        )  # fmt: skip
        smoothing = st.slider(
            t("runs.smoothing"), 0.0, 0.99, 0.0, 0.01, key="smooth", bind="query-params", width=180
        )
        axis = st.segmented_control(
            t("runs.axis"), series.AXES, default="step", required=True, key="axis",
            format_func=lambda axis: t(f"runs.axis.{axis}"), bind="query-params",
        )  # fmt: skip
        latest = False
        if any(line.restarts for line in lines):
            restarts = st.segmented_control(
                t("runs.restarts"), ("all", "latest"), default="all", required=True,
                key="restarts", format_func=lambda name: t(f"runs.restarts.{name}"),
                bind="query-params", help=t("runs.restarts.help"),
            )  # fmt: skip
            latest = restarts == "latest"
    with st.container(horizontal=True, vertical_alignment="center"):
        log_y = st.toggle(t("runs.logy"), key="logy", bind="query-params")
        log_x = axis != "wall" and st.toggle(t("runs.logx"), key="logx", bind="query-params")
        robust = st.toggle(
            t("runs.outliers"), key="outliers", bind="query-params", help=t("runs.outliers.help")
        )
        band, seeds = _seeds() if len(runs) > 1 else (False, None)
    look = Look(axis or "step", smoothing, log_x, log_y, robust, latest, band)
    return Controls(look, compiled(tags), seeds)


def _seeds() -> tuple[bool, re.Pattern[str] | None]:
    band = st.toggle(t("runs.band"), key="band", bind="query-params", help=t("runs.band.help"))
    if not band:
        return False, None
    text = st.text_input(
        t("runs.seeds"), key="seeds", bind="query-params", width=220,
        placeholder=series.SEED, label_visibility="collapsed",
    )  # fmt: skip
    return True, compiled(text)


def _restarts(runs: list[Run], look: Look) -> None:
    lines = [line for run in runs for line in ledger().outline(run).lines]
    most = max((line.restarts for line in lines), default=0)
    if most and not look.latest:
        st.caption(t("runs.note.restarts", n=most))


Sections = dict[str, dict[str, list[tuple[str, str]]]]
"""Section -> title of a chart -> its (folder, tag)."""


def _sections(runs: list[Run], wanted: re.Pattern[str] | None) -> Sections:
    book = ledger()
    found: dict[tuple[str, str], None] = {}
    for run in runs:
        for line in book.outline(run).lines:
            if line.kind == "scalars" and (wanted is None or wanted.search(line.name)):
                found[line.folder, line.tag] = None
    sections: Sections = {}
    for folder, tag in sorted(found, key=_order):
        title = series.chart_of(tag)
        section = series.section_of(title)
        sections.setdefault(section, {}).setdefault(title, []).append((folder, tag))
    return dict(sorted(sections.items(), key=lambda item: (item[0] != "", item[0].lower())))


def _order(curve: tuple[str, str]) -> tuple[bool, str, tuple[str, str]]:
    """Losses first, then the alphabet."""
    title = series.chart_of(curve[1]).lower()
    return "loss" not in title, title, curve


def _draw_sections(
    runs: list[Run],
    sections: Sections,
    look: Look,
    colour: dict[str, str] | None,
    groups: dict[str, str],
    reading: _Reading,
) -> list[Curve]:
    """Draw what is open; returns the curves that are on screen."""
    shown: list[Curve] = []
    charts_left, seen = MAX_CHARTS, 0
    for section, titles in sections.items():
        first = seen < OPEN_AT_FIRST
        seen += len(titles)
        if len(sections) == 1:
            place, is_open = st.container(), True
        else:
            label = t("runs.section", name=plain(section or t("runs.section.top")), n=len(titles))
            place = st.expander(
                label, expanded=first, key=f"open.{section or '-'}", bind="query-params",
                on_change="rerun",
            )  # fmt: skip
            is_open = bool(place.open)
        if not is_open:
            continue
        drawn = dict(list(titles.items())[:charts_left])
        charts_left -= len(drawn)
        with place:
            shown += _draw_charts(runs, drawn, look, colour, groups, reading)
            if len(drawn) < len(titles):
                st.caption(t("runs.more", shown=len(drawn), total=len(titles)))
    return shown


def _draw_charts(
    runs: list[Run],
    titles: dict[str, list[tuple[str, str]]],
    look: Look,
    colour: dict[str, str] | None,
    groups: dict[str, str],
    reading: _Reading,
) -> list[Curve]:
    tags = list(dict.fromkeys(tag for parts in titles.values() for _, tag in parts))
    by_tag: dict[str, list[Curve]] = {tag: [] for tag in tags}
    for run in runs:
        for curve in reading.get(run, tags):
            by_tag[curve.tag].append(curve)
    columns = max(2, min(3, len(titles)))
    with st.grid(columns, min_column_width=300):
        for title, parts in titles.items():
            members = [
                curve for tag in dict.fromkeys(tag for _, tag in parts) for curve in by_tag[tag]
            ]
            alone = parts[0][1] if len(set(parts)) == 1 else title
            _draw_chart(runs, alone, members, look, colour, groups)
    return [curve for members in by_tag.values() for curve in members]


def _draw_chart(
    runs: list[Run],
    title: str,
    members: list[Curve],
    look: Look,
    colour: dict[str, str] | None,
    groups: dict[str, str],
) -> None:
    # Of all runs, read or not: the drawing of the next look replaces this one.
    key = (title, look, tuple(run.key for run in runs), tuple(groups.items()))
    spec, notes = drawings().get(
        key, members, lambda: _drawing(title, members, look, colour, groups)
    )
    with st.container():
        if spec is not None:
            draw.chart(spec, alt=t("runs.chart.alt", title=title))
        else:
            st.markdown(f"**{plain(title)}**")
        if notes:
            st.caption(notes)


def _drawing(
    title: str,
    members: list[Curve],
    look: Look,
    colour: dict[str, str] | None,
    groups: dict[str, str],
) -> Drawing:
    picture = series.prepare(members, look, groups)
    notes = " ".join(filter(None, (say(picture) for say in _NOTES)))
    if not picture.drawn and not picture.marks:
        return None, notes
    spec = charts.scalar_chart(picture, title, look, colour)
    spec["datasets"] = {name: as_arrow(table) for name, table in spec["datasets"].items()}
    return spec, notes


def _note(key: str, count: Callable[[Picture], int]) -> Callable[[Picture], str]:
    def say(picture: Picture) -> str:
        n = count(picture)
        return t(f"runs.note.{key}", n=f"{n:,}", total=f"{picture.points:,}") if n else ""

    return say


_NOTES = (
    _note("nonfinite", lambda picture: picture.nonfinite),
    _note("outside", lambda picture: picture.outside),
    _note("log", lambda picture: picture.not_positive),
)
