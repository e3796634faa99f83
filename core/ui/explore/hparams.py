"""Hyper-parameters of the runs in the table against a metric of the user's choice."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from core import hparams, table
from core.charts import hparams as charts
from core.runs import Run
from core.ui import draw
from core.ui.explore.downloads import as_csv
from core.ui.explore.store import ledger
from core.ui.texts import t


def show(runs: list[Run]) -> None:
    """Draw the view over all runs of the table, not only the chosen ones."""
    book = ledger()
    having = [run for run in runs if book.outline(run).hparams]
    if not having:
        st.info(t("runs.no.hparams"), icon=":material/info:")
        return
    name, metric = _metric(having)
    found = hparams.hparam_table(
        {run.key: book.outline(run).hparams for run in having}, metric, name
    )
    st.caption(
        t("runs.hparams.scope", n=len(having), total=len(runs), varied=len(hparams.varied(found)))
    )
    _charts(found)
    st.dataframe(
        found, hide_index=True, width="stretch", alt=t("runs.hparams"),
        column_config={"run": st.column_config.TextColumn(t("overview.run"), pinned=True)},
    )  # fmt: skip
    st.download_button(
        t("runs.hparams.csv"), lambda: as_csv(found), file_name="hparams.csv", mime="text/csv",
        icon=":material/download:",
    )  # fmt: skip


def _metric(runs: list[Run]) -> tuple[str, dict[str, float]]:
    """The name of the metric and its value for each run."""
    book = ledger()
    names = sorted(
        {line.name for run in runs for line in book.outline(run).lines if line.kind == "scalars"}
    )
    best = t("runs.col.best")
    offered = [best] if any(np.isfinite(book.judgement(run).best) for run in runs) else []
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            t("runs.metric"),
            [*offered, *names] or [best],
            key="metric",
            bind="query-params",
            width=320,
        )
        if chosen in (best, None):
            return best, {run.key: book.judgement(run).best for run in runs}
        which = st.segmented_control(
            t("runs.columns.by"), table.SUMMARIES, default="last", required=True, key="metric.by",
            bind="query-params", format_func=lambda by: t(f"runs.by.{by}"),
        )  # fmt: skip
    which = which or "last"
    values = {
        run.key: line.summary(which)
        for run in runs
        for line in book.outline(run).lines
        if line.kind == "scalars" and line.name == chosen
    }
    return f"{chosen} ({t(f'runs.by.{which}').lower()})", values


def _charts(found: pd.DataFrame) -> None:
    if len(found) < 2 or not hparams.varied(found):
        st.info(t("runs.hparams.few"), icon=":material/info:")
        return
    metric = found.iloc[:, -1].to_numpy(np.float64)
    runs = found["run"].astype(str).tolist()
    chart = charts.parallel_chart(hparams.axes(found), runs, metric)
    st.subheader(t("runs.hparams.parallel"))
    draw.chart(chart, alt=t("runs.hparams.parallel.alt", n=len(found), metric=found.columns[-1]))
    rho = hparams.correlations(found)
    if rho.empty:
        return
    st.subheader(t("runs.hparams.rho"))
    draw.chart(charts.correlation_chart(rho), alt=t("runs.hparams.rho"))
    counts = rho["n"].to_numpy()
    low, high = counts.min(), counts.max()
    n = f"{low}" if low == high else f"{low}–{high}"
    st.caption(t("runs.hparams.rho.help", n=n))
