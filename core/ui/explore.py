"""What the runs page is made of: one view for each kind of data in event files."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from core.charts import scalars as charts
from core.charts.theme import no_data
from core.events import Events
from core.runs import Run
from core.ui import data, draw
from core.ui.format import plain
from core.ui.texts import t

MAX_CHARTS = 24
"""Charts drawn at once; the filter narrows the rest."""


def show(run: Run) -> None:
    """The chosen view of a run, drawn anew every other second while the run is live."""
    view = st.segmented_control(
        t("runs.view"),
        list(_DRAW),
        default="scalars",
        required=True,
        format_func=lambda view: t(f"runs.{view}"),
        key="show",
        bind="query-params",
        label_visibility="collapsed",
    )
    draw = _live if data.is_live(run) else _draw
    draw(view or "scalars", run)


def _draw(view: str, run: Run) -> None:
    with data.errors_shown():
        run = data.look_again(run)
        _DRAW[view](run)


_live = st.fragment(_draw, run_every=data.LIVE_S)


def _load(run: Run, kind: str) -> Events:
    """The events of one kind, with a line for each file that could not be read whole."""
    loaded = data.load_events(run, kind)
    for problem in loaded.problems:
        st.warning(
            t("runs.problem", file=plain(problem.file.name), message=plain(problem.message)),
            icon=":material/report:",
        )
    return loaded


def _scalars(run: Run) -> None:
    others = [other.key for other in data.all_runs() if other.key != run.key and other.event_files]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        compare = st.multiselect(
            t("runs.compare"), others, key="compare", bind="query-params", width=320
        )
        wanted = st.text_input(t("runs.filter"), key="tag", bind="query-params", width=200)
        weight = st.slider(
            t("runs.smoothing"), 0.0, 0.99, 0.0, 0.01, key="smooth", bind="query-params", width=200
        )
        axis = st.segmented_control(
            t("runs.axis"), ("step", "minutes"), default="step", required=True, key="axis",
            format_func=lambda axis: t(f"runs.axis.{axis}"),
        )  # fmt: skip
        log_y = st.toggle(t("runs.log"), key="log")
    chosen = [run, *(other for other in data.all_runs() if other.key in compare)]
    frames = {item.key: _load(item, "scalars").scalars for item in chosen}
    tags = sorted({str(tag) for frame in frames.values() for tag in frame["tag"].unique()})
    groups = charts.group_tags([tag for tag in tags if wanted.lower() in tag.lower()])
    if not groups:
        st.info(t("runs.notag", filter=plain(wanted)), icon=":material/info:")
    with st.grid(3, min_column_width=300):
        for title, members in list(groups.items())[:MAX_CHARTS]:
            _one_chart(frames, title, members, (axis or "step", weight, log_y))
    if len(groups) > MAX_CHARTS:
        st.caption(t("runs.more", shown=MAX_CHARTS, total=len(groups)))
    _download(frames)


def _one_chart(
    frames: dict[str, pd.DataFrame], title: str, tags: list[str], view: tuple[str, float, bool]
) -> None:
    axis, weight, log_y = view
    points = charts.curves(frames, tags, axis, weight)
    if log_y and not np.any(points["y"].to_numpy() > 0):
        chart = no_data(t("runs.nolog", title=title))
    else:
        chart = charts.scalar_chart(points, title, x=axis, log_y=log_y)
    draw.chart(chart, alt=t("runs.chart.alt", title=title))


def _download(frames: dict[str, pd.DataFrame]) -> None:
    def table() -> bytes:
        parts = [frame.assign(run=label) for label, frame in frames.items()]
        return pd.concat(parts).to_csv(index=False).encode()

    st.download_button(
        t("runs.csv"), table, file_name="scalars.csv", mime="text/csv", icon=":material/download:"
    )


def _pick_tag(frame: pd.DataFrame, kind: str) -> pd.DataFrame | None:
    """The rows of the chosen tag, or None after saying that there are none."""
    tags = [str(tag) for tag in frame["tag"].unique()]
    if not tags:
        st.info(t(f"runs.no.{kind}"), icon=":material/info:")
        return None
    tag = st.selectbox(t("runs.tag"), tags, key=f"tag.{kind}")
    return frame.loc[frame["tag"] == tag]


def _pick_step(frame: pd.DataFrame, kind: str) -> pd.DataFrame:
    """The rows of the step on the slider (the last one to begin with)."""
    steps = sorted({int(step) for step in frame["step"]})
    step = steps[-1]
    if len(steps) > 1:
        step = st.select_slider(t("runs.step"), steps, value=step, key=f"step.{kind}")
    return frame.loc[frame["step"] == step]


def _images(run: Run) -> None:
    loaded = _load(run, "images")
    rows = _pick_tag(loaded.images, "images")
    if rows is None:
        return
    for row in _pick_step(rows, "images").to_dict("records"):
        if not row["png"]:
            st.warning(t("runs.badimage", step=row["step"]), icon=":material/report:")
            continue
        tag, width, height = str(row["tag"]), int(row["width"]), int(row["height"])
        caption = t("runs.image", tag=plain(tag), step=row["step"], w=width, h=height)
        with st.container(width=_shown_width(width)):
            st.image(row["png"], caption=caption, width="stretch", alt=tag)


def _shown_width(width: int) -> int:
    """Small pictures are enlarged so that digits of 8 px can be seen."""
    return min(max(width, 480), 1000)


def _histograms(run: Run) -> None:
    loaded = _load(run, "histograms")
    rows = _pick_tag(loaded.histograms, "histograms")
    if rows is not None:
        chart = charts.histogram_chart(rows)
        draw.chart(chart, alt=t("runs.histogram.alt", tag=str(rows["tag"].iloc[0])))
        st.caption(t("runs.histogram.help"))


def _text(run: Run) -> None:
    loaded = _load(run, "text")
    rows = _pick_tag(loaded.text, "text")
    if rows is not None:
        for row in _pick_step(rows, "text").to_dict("records"):
            st.code(row["value"], language=None, wrap_lines=True)


def _hparams(run: Run) -> None:
    loaded = _load(run, "hparams")
    if loaded.hparams.empty:
        st.info(t("runs.no.hparams"), icon=":material/info:")
        return
    shown = loaded.hparams.assign(value=loaded.hparams["value"].map(str))
    st.dataframe(shown, hide_index=True, width="stretch", alt=t("runs.hparams"))


_DRAW = {
    "scalars": _scalars,
    "images": _images,
    "histograms": _histograms,
    "text": _text,
    "hparams": _hparams,
}
