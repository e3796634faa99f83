"""Two traces side by side: what a change did, and whether it held what was predicted."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st

from core.charts import compare as charts
from core.compare import FindingChange, Speedup, TraceComparison
from core.runs import Run
from core.ui import data, draw
from core.ui.bottlenecks.page import choose_trace
from core.ui.format import duration_ms, number, percent, plain
from core.ui.texts import t

_COLOUR = {"resolved": "green", "introduced": "red", "kept": "gray"}
_ICON = {
    "resolved": ":material/check_circle:",
    "introduced": ":material/add_circle:",
    "kept": ":material/remove:",
}
_VERDICT = {"within": "green", "above": "green", "below": "orange"}


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
    for promise in found.promises:
        colour = _VERDICT[promise.verdict]
        st.markdown(
            f":{colour}-badge[{t(f'compare.{promise.verdict}')}] "
            f"**{plain(promise.title)}** · {plain(promise.sentence)}"
        )
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader(t("compare.stacks"))
        draw.chart(charts.stacks_chart(found), alt=t("compare.stacks.alt"), key="stacks")
    with right:
        st.subheader(t("compare.differences"))
        draw.chart(
            charts.differences_chart(found), alt=t("compare.differences.alt"), key="differences"
        )
    _findings(found)
    _tables(found)


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
        _interval(speed),
        delta_color="gray", delta_arrow="off", border=True, help=t("compare.speedup.help"),
    )  # fmt: skip
    grid.metric(
        t("compare.step"), duration_ms(b), _delta(b - a, duration_ms(abs(b - a))),
        delta_color="inverse", border=True, help=t("compare.step.help"),
    )  # fmt: skip
    busy = [each.device_busy_pct for each in (found.a, found.b)]
    if busy[0] is None or busy[1] is None:
        grid.metric(t("bottlenecks.busy"), percent(busy[1], 1), border=True)
    else:
        more = busy[1] - busy[0]
        grid.metric(
            t("bottlenecks.busy"), percent(busy[1], 1),
            _delta(more, t("compare.points", value=f"{abs(more):.1f}")), border=True,
        )  # fmt: skip
    wait = next((part for part in found.changes if part.key == "input-wait"), None)
    if wait is not None:
        grid.metric(
            t("compare.wait"), duration_ms(wait.b),
            _delta(wait.difference, duration_ms(abs(wait.difference))),
            delta_color="inverse", border=True,
        )  # fmt: skip


def _interval(speed: Speedup | None) -> str | None:
    """Short enough for a card on a phone."""
    if speed is None:
        return None
    if speed.low is None or speed.high is None:
        return speed.why_none
    return t("compare.interval", low=f"{speed.low:.2f}", high=f"{speed.high:.2f}")


def _delta(difference: float, words: str) -> str:
    """With the plain minus that Streamlit takes for an arrow down."""
    return f"-{words}" if difference < 0 else words


def _findings(found: TraceComparison) -> None:
    st.subheader(t("bottlenecks.findings"))
    if not found.findings:
        st.markdown(t("compare.nofindings"))
    for change in found.findings:
        st.markdown(_line(change))


def _line(change: FindingChange) -> str:
    colour, icon = _COLOUR[change.state], _ICON[change.state]
    badge = f":{colour}-badge[{icon} {t(f'compare.{change.state}')}]"
    if change.a_ms and change.b_ms:
        cost = t("compare.fromto", a=duration_ms(change.a_ms), b=duration_ms(change.b_ms))
    elif change.finding.cost_ms:
        cost = t(f"compare.{change.state}.cost", ms=duration_ms(change.finding.cost_ms))
    else:
        cost = ""
    parts = (f"{badge} **{plain(change.finding.title)}**", cost, plain(change.finding.where))
    return " · ".join(part for part in parts if part)


def _tables(found: TraceComparison) -> None:
    kernels, operators = st.tabs([t("compare.kernels"), t("compare.operators")])
    for tab, table, name in (
        (kernels, found.kernels, "kernels"),
        (operators, found.operators, "operators"),
    ):
        with tab:
            if table.empty:
                st.markdown(t(f"compare.{name}.none"))
            else:
                _table(table, t(f"compare.{name}"))


def _table(table: pd.DataFrame, words: str) -> None:
    formats = {"ms": "%.3f", "calls": "%.4g"}
    columns = {
        name: st.column_config.NumberColumn(
            t(f"compare.col.{name}"), format=formats[name.rpartition("_")[2]]
        )
        for name in ("a_ms", "b_ms", "difference_ms", "a_calls", "b_calls")
    }
    columns |= {name: t(f"compare.col.{name}") for name in ("name", "kind", "change")}
    st.dataframe(table, hide_index=True, width="stretch", alt=words, column_config=columns)
