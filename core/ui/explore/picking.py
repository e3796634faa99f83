"""The table of all runs: find them, compare them by figures, choose which are drawn."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import jobs, table
from core.runs import Run
from core.ui import data, live
from core.ui.explore.downloads import as_csv
from core.ui.explore.patterns import compiled
from core.ui.explore.store import ledger
from core.ui.format import percent, plain
from core.ui.texts import t

MANY = 50
"""Above this many chosen runs the link says "all that match" instead of naming them."""

NEWEST = 3
BUDGET_S = 0.7
"""Seconds of reading and judging in one look, so that the page answers meanwhile."""

UNHEARD_S = 3.0
"""Within this time the browser may still send what it knew before it heard of the last ticks."""

_TABLE, _COMPARE, _EVERY = "table", "compare", "every"
_TICKED = "_ticked"
TICKING = "_ticking"
"""In the session's state: whether the page looks again by itself."""
_ROW_PX = 35
ROWS = 6
"""Rows of the table in sight; the rest scrolls."""


@dataclass(frozen=True, slots=True)
class Picked:
    """What the table says.

    Attributes:
        matching: runs that match the filter, in the order of the table.
        chosen: runs to draw.
        missing: how many runs still have to be read or judged.
    """

    matching: list[Run]
    chosen: list[Run]
    missing: int


def follow_header(run: Run) -> None:
    """A run chosen in the header joins those that are drawn."""
    before = st.session_state.get("_explored")
    st.session_state["_explored"] = run.key
    compare = st.session_state.get(_COMPARE)
    if before not in (None, run.key) and compare and run.key not in compare:
        st.session_state[_COMPARE] = [*compare, run.key]


def pick(header_run: Run) -> Picked:
    """Draw the table and the chooser; say which runs are meant."""
    found = [run for run in data.all_runs() if run.event_files]
    if header_run.path not in {run.path for run in found} and header_run.event_files:
        found = [header_run, *found]
    by_key = {run.key: run for run in found}
    _hold_ticks()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        pattern = compiled(
            st.text_input(
                t("runs.find"), key="find", bind="query-params", width=240,
                placeholder=t("runs.find.example"), icon=":material/search:",
            )
        )  # fmt: skip
        st.multiselect(
            t("runs.compare"), list(by_key), key=_COMPARE, bind="query-params", wrap=False,
            placeholder=t("runs.compare.none"), select_all=False, width="stretch",
        )  # fmt: skip
        matching = [run for run in found if pattern is None or pattern.search(run.key)]
        st.toggle(t("runs.every", n=len(matching)), key=_EVERY, bind="query-params")
        tools = st.popover(t("runs.columns"), icon=":material/view_column:")
    chosen = _chosen(matching, by_key, header_run)
    missing = _work(chosen, matching)
    if matching:
        _table(matching, chosen, tools)
    else:
        st.info(t("runs.nomatch"), icon=":material/info:")
    if missing:
        share = ledger().done_share(matching)
        st.progress(share, t("runs.judging", done=percent(100 * share), total=len(matching)))
    return Picked(matching, chosen, missing)


def _chosen(matching: list[Run], by_key: dict[str, Run], header_run: Run) -> list[Run]:
    if st.session_state.get(_EVERY):
        return matching
    named = [by_key[key] for key in st.session_state.get(_COMPARE) or () if key in by_key]
    if named:
        return named
    return [by_key[header_run.key]] if header_run.key in by_key else matching[:NEWEST]


def _work(chosen: list[Run], matching: list[Run]) -> int:
    """Bring the ledger up to date, the chosen runs first, within the budget."""
    book = ledger()
    wanted = list({run.path: run for run in (*chosen, *matching)}.values())
    if not book.refresh(wanted):
        return 0
    return book.work(wanted, BUDGET_S, urgent=min(len(chosen), MANY))


def _columns(matching: list[Run]) -> list[tuple[str, str]]:
    book = ledger()
    names = {
        line.name: None
        for run in matching
        for line in book.outline(run).lines
        if line.kind == "scalars"
    }
    tags = st.multiselect(
        t("runs.columns.tags"), sorted(names), key="col", bind="query-params",
        select_all=False, placeholder=t("runs.columns.none"), width=320,
    )  # fmt: skip
    which = st.segmented_control(
        t("runs.columns.by"), table.SUMMARIES, default="last", required=True, key="by",
        bind="query-params", format_func=lambda by: t(f"runs.by.{by}"),
    )  # fmt: skip
    return [(tag, which or "last") for tag in tags]


def _table(matching: list[Run], chosen: list[Run], tools: DeltaGenerator) -> None:
    with tools:
        frame = ledger().frame(matching, _columns(matching))
        st.download_button(
            t("runs.table.csv"), lambda: as_csv(frame),
            file_name="runs.csv", mime="text/csv", icon=":material/download:",
        )  # fmt: skip
    _dataframe(frame, matching, chosen)


def _dataframe(frame: pd.DataFrame, matching: list[Run], chosen: list[Run]) -> None:
    keys = [run.key for run in matching]
    place = {key: row for row, key in enumerate(keys)}
    rows = sorted(place[run.key] for run in chosen if run.key in place)
    if st.session_state.get(_EVERY):
        rows = list(range(len(keys)))
    wanted: Any = {"selection": {"rows": rows, "columns": [], "cells": []}}
    # What a table begins with is not put into its state: a browser that is late sees only the
    # newest message for it, and the one with the ticks would be lost.
    if _rows_now() not in (None, rows):
        st.session_state[_TABLE] = wanted
    st.dataframe(
        _shown(frame, matching),
        hide_index=True,
        width="stretch",
        height=_ROW_PX * (min(len(frame), ROWS) + 1) + 3,
        column_config=_config(list(frame.columns)),
        on_select=_take_selection,  # pyright: ignore[reportArgumentType]
        selection_mode="multi-row",
        selection_default=wanted,
        key=_TABLE,
        placeholder="",
        alt=t("runs.table", n=len(frame)),
    )
    st.session_state["_rows"] = keys


def _rows_now() -> list[int] | None:
    state = st.session_state.get(_TABLE)
    return None if state is None else sorted(state["selection"]["rows"])


def _hold_ticks() -> None:
    """Put back what was ticked where a look of the clock has overtaken it.

    Each look carries the chooser as the browser knew it, which may be from before the ticks that
    this server has put into it meanwhile.
    """
    since, stale, ticked = st.session_state.get(_TICKED, (0.0, [], None))
    if ticked is None:
        return
    if time.monotonic() - since > UNHEARD_S:
        del st.session_state[_TICKED]
    elif (st.session_state.get(_COMPARE) or []) in stale:
        st.session_state[_COMPARE] = ticked


def _take_selection() -> None:
    """Rows were ticked or unticked: they become the runs to draw."""
    _hold_ticks()
    keys: list[str] = st.session_state.get("_rows", [])
    picked = [keys[row] for row in st.session_state[_TABLE]["selection"]["rows"] if row < len(keys)]
    before: list[str] = st.session_state.get(_COMPARE) or []
    everything = len(picked) == len(keys) and len(keys) > MANY
    st.session_state[_EVERY] = everything
    if everything:
        st.session_state[_COMPARE] = []
        return
    visible, now = set(keys), set(picked)
    kept = [key for key in before if key in now or key not in visible]
    ticked = [*kept, *(key for key in picked if key not in kept)]
    st.session_state[_COMPARE] = ticked
    if st.session_state.get(TICKING) or st.session_state.get(live.TICKING):
        _, stale, _ = st.session_state.get(_TICKED, (0.0, [], None))
        stale = [each for each in (*stale, before) if each != ticked]
        st.session_state[_TICKED] = (time.monotonic(), stale, ticked)


def _states(runs: Sequence[Run]) -> list[str]:
    known = {}
    if any(run.job for run in runs):
        known = {job.id: job.state for job in jobs.list_jobs(limit=10_000)}
    return [
        known.get(str((run.job or {}).get("id")), "")
        or t("runs.writing" if data.is_fresh(run) else "overview.foreign")
        for run in runs
    ]


def _shown(frame: pd.DataFrame, runs: Sequence[Run]) -> pd.DataFrame:
    words = {name: t(f"verdict.{name}") for name in frame["verdict"].unique() if name}
    shown = frame.assign(verdict=[words.get(name, "") for name in frame["verdict"]])
    shown.insert(1, "state", _states(runs))
    return shown


def _config(columns: list[str]) -> dict[str, Any]:
    number = st.column_config.NumberColumn
    config: dict[str, Any] = {
        "run": st.column_config.TextColumn(t("overview.run"), pinned=True, width="medium"),
        "state": t("overview.state"),
        "verdict": t("overview.verdict"),
        "points": number(t("runs.col.points"), format="%,d", help=t("runs.col.points.help")),
        "last_step": number(t("runs.col.last"), format="%,d"),
        "duration_s": number(t("runs.col.duration"), format="%,.0f"),
        "best_val": number(t("runs.col.best"), format="%.4g"),
        "best_step": number(t("runs.col.beststep"), format="%,d"),
        "train": number(t("runs.col.train"), format="%.4g"),
        "val": number(t("runs.col.val"), format="%.4g"),
        "changed": st.column_config.DatetimeColumn(t("overview.changed"), format="distance"),
    }
    extra = {name: number(name, format="%.5g") for name in columns if name not in config}
    return config | extra


def problems(runs: Sequence[Run]) -> None:
    """Name each file that could not be read, once; many of them behind one line.

    That a file which is being written ends in half a record is no news.
    """
    book = ledger()
    found = [
        t("runs.problem", file=plain(f"{run.key}/{file}"), message=plain(message))
        for run in runs
        for file, message, pending in book.outline(run).problems
        if not pending or time.time() - run.modified > data.FRESH_S
    ]
    found = list(dict.fromkeys(found))
    if len(found) > 5:
        with st.expander(t("runs.problems", n=len(found)), icon=":material/report:"):
            st.markdown("\n".join(f"- {line}" for line in found[:200]))
        return
    for line in found:
        st.warning(line, icon=":material/report:")
