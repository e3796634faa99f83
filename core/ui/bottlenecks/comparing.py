"""Two traces side by side: what a change did, and whether it held what was predicted."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.compare import TraceComparison
from core.runs import Run
from core.ui import data
from core.ui.bottlenecks.page import choose_trace
from core.ui.compare import profile
from core.ui.format import duration_ms, number, percent, plain
from core.ui.texts import t


def compare_view(run: Run) -> None:
    """Compare a trace of this run with another one, that of its parent to begin with."""
    with data.errors_shown():
        run = data.look_again(run)
        path = choose_trace(run) if run.trace_files else None
        if path is None:
            st.info(t("bottlenecks.notrace", run=plain(run.key)), icon=":material/info:")
            return
        before = _other(run, path)
        if before is None:
            return
        after = path
        if st.toggle(t("compare.swap"), key="swap", bind="query-params"):
            before, after = after, before
        found = data.comparison(before, after)
        st.caption(t("compare.names", a=plain(_short(before)), b=plain(_short(after))))
        _show(found)


def _other(run: Run, path: Path) -> Path | None:
    """The trace to compare with, bound to ``?other=``."""
    offered = {
        label: file for label, (_, file) in _offered(data.all_runs()).items() if file != path
    }
    if not offered:
        st.info(t("compare.alone"), icon=":material/info:")
        return None
    if st.session_state.get("other") not in offered and "other" not in st.query_params:
        st.session_state["other"] = _parent(run, path)
    chosen = st.selectbox(
        t("compare.other"), list(offered), index=None, key="other", bind="query-params",
        placeholder=t("compare.choose"), help=t("compare.other.help"),
    )  # fmt: skip
    if chosen is None:
        st.info(t("compare.empty"), icon=":material/compare_arrows:")
    return offered.get(chosen) if chosen else None


def _offered(runs: list[Run]) -> dict[str, tuple[Run, Path]]:
    """Label -> run and trace: the run's key, with the file's place where it has several."""
    return {
        run.key if len(run.trace_files) == 1 else f"{run.key}: {_below(file, run)}": (run, file)
        for run in runs
        for file in run.trace_files
    }


def _parent(run: Run, path: Path) -> str | None:
    """Label of the parent's trace: that of the same name where there are several."""
    parent = (run.job or {}).get("parent")
    if not isinstance(parent, str):
        return None
    theirs = {
        label: file
        for label, (other, file) in _offered(data.all_runs()).items()
        if (other.job or {}).get("id") == parent
    }
    same = [label for label, file in theirs.items() if file.name == path.name]
    return next(iter([*same, *theirs]), None)


def _below(file: Path, run: Run) -> str:
    return file.relative_to(run.path).as_posix()


def _short(path: Path) -> str:
    """``run/trace.json`` of a long path."""
    folders = [part for part in path.parts[-4:-1] if part not in ("trace", "traces")]
    return f"{folders[-1]}/{path.name}" if folders else path.name


def _show(found: TraceComparison) -> None:
    _headline(found)
    _figures(found)
    for note in found.notes:
        st.caption(f":material/info: {plain(note)}")
    profile.promises(found.promises)
    profile.parts(found)
    profile.findings(found)
    profile.tables(found)


def _headline(found: TraceComparison) -> None:
    speed = found.speedup
    if speed is None or (speed.low is not None and not speed.certain):
        st.info(plain(found.summary))
    elif speed.value >= 1:
        st.success(plain(found.summary))
    else:
        st.error(plain(found.summary))


def _figures(found: TraceComparison) -> None:
    """Speed-up, step time, busy share, input wait; arrows say which way they went."""
    speed, (a, b) = found.speedup, found.step_ms
    grid = st.grid(4, min_column_width=145, gap="small")
    grid.metric(
        t("compare.speedup"),
        t("compare.times", value=number(speed.value)) if speed is not None else "–",
        profile.interval(speed),
        delta_color="gray", delta_arrow="off", border=True, help=t("compare.speedup.help"),
    )  # fmt: skip
    grid.metric(
        t("compare.step"), duration_ms(b), profile.delta(b - a, duration_ms(abs(b - a))),
        delta_color="inverse", border=True, help=t("compare.step.help"),
    )  # fmt: skip
    busy = [each.device_busy_pct for each in (found.a, found.b)]
    if busy[0] is None or busy[1] is None:
        grid.metric(t("bottlenecks.busy"), percent(busy[1], 1), border=True)
    else:
        more = busy[1] - busy[0]
        grid.metric(
            t("bottlenecks.busy"), percent(busy[1], 1),
            profile.delta(more, t("compare.points", value=f"{abs(more):.1f}")), border=True,
        )  # fmt: skip
    wait = next((part for part in found.changes if part.key == "input-wait"), None)
    if wait is not None:
        grid.metric(
            t("compare.wait"), duration_ms(wait.b),
            profile.delta(wait.difference, duration_ms(abs(wait.difference))),
            delta_color="inverse", border=True,
        )  # fmt: skip
