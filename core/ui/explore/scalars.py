"""Scalar curves of the chosen runs: train and validation on one chart, sections by prefix."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.dataframe_util import convert_pandas_df_to_arrow_bytes as as_arrow

from core import series
from core.charts import scalars as charts
from core.charts.layers import DASH
from core.runs import Run
from core.series import Curve, Look, Picture
from core.ui import draw
from core.ui.explore import downloads
from core.ui.explore.patterns import compiled
from core.ui.explore.store import Drawing, curves, drawings, ledger
from core.ui.format import plain
from core.ui.texts import t

MAX_CHARTS = 24
"""Charts drawn at once; the tag filter and the sections narrow the rest."""

OPEN_AT_FIRST = 12
"""Sections are open to begin with until this many charts are in sight."""

MAX_LEGEND = 20


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


def show(runs: list[Run]) -> None:
    """Draw the view."""
    controls = _controls(runs)
    sections = _sections(runs, controls.tags)
    if not sections:
        _nothing(runs)
        return
    groups = {}
    names = [run.key for run in runs]
    if controls.look.band:
        groups = series.group_runs(names, controls.seeds)
        names = list(dict.fromkeys(groups.values()))
    colour = charts.colours(names) if len(names) > 1 else None
    splits = {
        series.split_of(tag, folder)
        for titles in sections.values()
        for parts in titles.values()
        for folder, tag in parts
    }
    _legend(names, colour, splits, groups)
    _restarts(runs, controls.look)
    shown = _draw_sections(runs, sections, controls.look, colour, groups)
    downloads.scalars(runs, shown)


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


def _legend(
    names: Sequence[str], colour: dict[str, str] | None, splits: set[str], groups: dict[str, str]
) -> None:
    """Which colour is which run, and which dash is which split: once for all charts."""
    sizes = {name: list(groups.values()).count(name) for name in names} if groups else {}
    items = []
    if colour is not None:
        for name in names[:MAX_LEGEND]:
            label = f"{name} (n = {sizes[name]})" if sizes else name
            items.append(_chip(colour[name], [], label))
        if len(names) > MAX_LEGEND:
            items.append(html.escape(t("runs.legend.more", n=len(names) - MAX_LEGEND)))
    if splits - {""}:
        for split in [name for name in series.SPLITS if name in splits and name]:
            paint = "currentColor" if colour is not None else charts.split_colour(split)
            items.append(_chip(paint, DASH[split], t(f"split.{split}")))
    if items:
        body = " ".join(
            f'<span style="white-space:nowrap;margin-right:1.1rem">{item}</span>' for item in items
        )
        st.html(f'<div style="font-size:.85rem;line-height:1.7">{body}</div>')


def _chip(colour: str, dash: list[int], label: str) -> str:
    style = "solid" if not dash else "dashed" if dash[0] > 3 else "dotted"
    line = f"display:inline-block;width:26px;border-top:3px {style} {colour}"
    return (
        f'<span style="{line};vertical-align:middle;margin-right:.35rem"></span>'
        f"{html.escape(label)}"
    )


def _draw_sections(
    runs: list[Run],
    sections: Sections,
    look: Look,
    colour: dict[str, str] | None,
    groups: dict[str, str],
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
            shown += _draw_charts(runs, drawn, look, colour, groups)
            if len(drawn) < len(titles):
                st.caption(t("runs.more", shown=len(drawn), total=len(titles)))
    return shown


def _draw_charts(
    runs: list[Run],
    titles: dict[str, list[tuple[str, str]]],
    look: Look,
    colour: dict[str, str] | None,
    groups: dict[str, str],
) -> list[Curve]:
    tags = list(dict.fromkeys(tag for parts in titles.values() for _, tag in parts))
    by_tag: dict[str, list[Curve]] = {tag: [] for tag in tags}
    store = curves()
    for run in runs:
        for curve in store.get(run, tags):
            by_tag[curve.tag].append(curve)
    columns = max(2, min(3, len(titles)))
    with st.grid(columns, min_column_width=300):
        for title, parts in titles.items():
            members = [
                curve for tag in dict.fromkeys(tag for _, tag in parts) for curve in by_tag[tag]
            ]
            alone = parts[0][1] if len(set(parts)) == 1 else title
            _draw_chart(alone, members, look, colour, groups)
    return [curve for members in by_tag.values() for curve in members]


def _draw_chart(
    title: str,
    members: list[Curve],
    look: Look,
    colour: dict[str, str] | None,
    groups: dict[str, str],
) -> None:
    runs = tuple(dict.fromkeys(curve.run for curve in members))
    key = (title, look, runs, tuple((colour or {}).items()), tuple(groups.items()))
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
