"""Images and texts of the chosen runs, side by side, at the step on the slider."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from core import pictures
from core.runs import Run
from core.ui.explore import steps
from core.ui.explore.steps import Place
from core.ui.format import plain
from core.ui.texts import t

MAX_SAMPLES = 16
"""Pictures or texts of one tag, run and step that are shown."""

MAX_CHARACTERS = 100_000


def images(runs: list[Run]) -> None:
    """Draw the images view."""
    tag = steps.pick_tag(runs, "images")
    if tag is None:
        return
    found = steps.places(runs, "images", tag)
    step = steps.pick_step(found, "images")
    with st.grid(min(len(found), 4), min_column_width=240):
        for place in found:
            with st.container():
                st.markdown(f"**{plain(place.name)}**")
                for row in _rows(place, "images", tag, step):
                    _picture(row)


def _rows(place: Place, kind: str, tag: str, step: int) -> list[dict[str, Any]]:
    """What a run logged at a step, or last before it."""
    at = place.at(step)
    if at is None:
        st.caption(t("runs.notyet", step=step))
        return []
    loaded = steps.read(place, kind, tag, [at])
    if loaded is None:
        return []
    frame: pd.DataFrame = getattr(loaded, kind)
    rows = frame.loc[frame["run"] == place.folder].to_dict("records")
    if len(rows) > MAX_SAMPLES:
        st.caption(t("runs.firstfew", shown=MAX_SAMPLES, total=len(rows)))
    return rows[:MAX_SAMPLES]


def _picture(row: dict[str, Any]) -> None:
    width, height = int(row["width"]), int(row["height"])
    wrong = pictures.objection(row["png"])
    if width * height > pictures.MAX_PIXELS:
        wrong = "large"
    if wrong:
        size = f"{len(row['png']) / 2**20:.1f}"
        words = t(f"runs.image.{wrong}", step=row["step"], w=width, h=height, mib=size)
        st.warning(words, icon=":material/report:")
        return
    caption = t("runs.image", step=row["step"], w=width, h=height)
    with st.container(width=min(max(width, 480), 1000)):
        st.image(row["png"], caption=caption, width="stretch", alt=str(row["tag"]))


def text(runs: list[Run]) -> None:
    """Draw the text view."""
    tag = steps.pick_tag(runs, "text")
    if tag is None:
        return
    found = steps.places(runs, "text", tag)
    step = steps.pick_step(found, "text")
    with st.grid(min(len(found), 2), min_column_width=300):
        for place in found:
            with st.container():
                st.markdown(f"**{plain(place.name)}**")
                for row in _rows(place, "text", tag, step):
                    _passage(row)


def _passage(row: dict[str, Any]) -> None:
    value = str(row["value"])
    st.code(value[:MAX_CHARACTERS], language=None, wrap_lines=True)
    words = t("runs.passage", step=row["step"], n=f"{len(value):,}")
    if len(value) > MAX_CHARACTERS:
        words += " " + t("runs.passage.cut", n=f"{MAX_CHARACTERS:,}")
    st.caption(words)
