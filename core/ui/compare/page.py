"""Which two runs are compared, and how they are looked at; live while either is being written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import streamlit as st

from core import runs as run_store
from core.compare import parent_of
from core.errors import GpulseError
from core.runs import Run
from core.settings import settings
from core.ui import data, header, live, nav, reporting
from core.ui.compare import pair, rungs
from core.ui.format import plain
from core.ui.texts import t

VIEWS = ("pair", "ladder")


def show() -> None:
    """The two runs of the link, else the chosen one and the one it was made of."""
    with data.errors_shown():
        offered = {run.key: run for run in _requested(data.all_runs())}
        if not offered:
            st.info(t("empty.run"), icon=":material/info:")
            return
        if _view() == "ladder":
            _ladder(_choose("b", offered, _default_after(offered), label="collapsed"))
            return
        left, right = st.columns(2, gap="large")
        with right:
            after = _choose("b", offered, _default_after(offered))
        with left:
            before = _choose("a", offered, _before(after, offered))
        _pair(before, after)


def _view() -> str:
    chosen = st.segmented_control(
        t("view.choose"), VIEWS, default=None if nav.given("shown") else VIEWS[0], required=True,
        format_func=lambda name: t(f"pair.view.{name}"), key="shown", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    return chosen or VIEWS[0]


def _requested(found: list[Run]) -> list[Run]:
    """Runs to choose from: all but tunings, and those that the link asks for."""
    offered = [run for run in found if run.kind != "tune"]
    for name in ("a", "b"):
        key = st.session_state.get(name) or st.query_params.get(name)
        if not key or any(run.key == key for run in offered):
            continue
        try:
            offered.append(run_store.find(key, settings().all_roots))
        except GpulseError as error:
            st.error(plain(str(error)), icon=":material/error:")
            st.session_state[name] = None
    return offered


def _choose(
    name: str,
    offered: Mapping[str, Run],
    default: str | None,
    label: Literal["visible", "collapsed"] = "visible",
) -> Run | None:
    """One of the two runs, bound to ``?a=`` or ``?b=``."""
    if name not in st.query_params:
        # Assigned anew each time: a click in the navigation drops what only the session holds.
        chosen = st.session_state.get(name)
        st.session_state[name] = chosen if chosen in offered else default
    key = st.selectbox(
        t(f"pair.{name}"), list(offered), index=None, key=name, bind="query-params",
        placeholder=t("header.run"), label_visibility=label,
        on_change=_follow if name == "b" else None,
    )  # fmt: skip
    return offered.get(key) if key else None


def _follow() -> None:
    """Another later run is compared with the one that it was made of."""
    runs = data.all_runs()
    after = next((run for run in runs if run.key == st.session_state["b"]), None)
    before = None if after is None else parent_of(after, runs)
    if before is not None:
        st.session_state["a"] = before.key


def _default_after(offered: Mapping[str, Run]) -> str:
    """The chosen run where it was made of another one, else the newest that was."""
    chosen = st.session_state.get("run")
    made = [run.key for run in offered.values() if parent_of(run, offered.values()) is not None]
    if chosen in made or (chosen in offered and not made):
        return str(chosen)
    return next(iter([*made, *offered]))


def _before(after: Run | None, offered: Mapping[str, Run]) -> str | None:
    parent = None if after is None else parent_of(after, offered.values())
    return None if parent is None else parent.key


def _pair(before: Run | None, after: Run | None) -> None:
    if after is None:
        st.info(t("pair.empty"), icon=":material/compare_arrows:")
        return
    # Other pages go on with the later run; there is no chooser here that would keep it.
    st.session_state["run"] = after.key
    if before is None:
        pair.alone(after)
    elif before.path == after.path:
        st.info(t("pair.same"), icon=":material/compare_arrows:")
    else:
        _tools(before, after)
        live = data.is_live(before) or data.is_live(after)
        (_live if live else _still)(before.key, after.key)


def _tools(before: Run, after: Run) -> None:
    """Buttons that turn the comparison round, and that make a file of the later run."""
    with st.container(horizontal=True):
        st.button(
            t("compare.swap"), icon=":material/swap_vert:", on_click=_turn,
            args=(before.key, after.key), type="tertiary",
        )  # fmt: skip
        reporting.button(after.key, "report.pair", t("report.pair"))


def _turn(before: str, after: str) -> None:
    st.session_state["a"], st.session_state["b"] = after, before


def _drawn(before: str, after: str) -> None:
    with data.errors_shown():
        roots = settings().all_roots
        one, two = run_store.find(before, roots), run_store.find(after, roots)
        for name, run in (("a", one), ("b", two)):
            job = data.job_of(run)
            if job is None:
                continue
            if not job.final:
                header.job_progress(job)
            live.rerun_when_done(job, f"_live_{name}")
        pair.show(one, two)


_still = st.fragment(_drawn)
_live = st.fragment(_drawn, run_every=data.LIVE_S)


def _ladder(of: Run | None) -> None:
    if of is None:
        st.info(t("pair.empty"), icon=":material/compare_arrows:")
        return
    st.session_state["run"] = of.key
    rungs.show(of)
