"""The runs page: table, then the chosen view of the chosen runs; one live fragment."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.runs import Run
from core.ui import data
from core.ui.compare import links
from core.ui.explore import distributions, hparams, media, picking, scalars
from core.ui.explore.store import ledger
from core.ui.texts import t

LOOK_S = 1.0
"""Seconds between two looks while a chosen run is written, or lines or curves are missing."""

_CALM, _JUST_OPENED = "_calm", "_just_opened"

_DRAW: dict[str, Callable[[list[Run]], bool | None]] = {
    "scalars": scalars.show,
    "images": media.images,
    "histograms": distributions.histograms,
    "text": media.text,
    "pr_curves": distributions.pr_curves,
    "tensors": distributions.tensors,
}
VIEWS = (*_DRAW, "hparams")


def show(run: Run) -> None:
    """Draw the page, anew every second while a chosen run is being written."""
    picking.follow_header(run)
    links.to_parent(run, "before")
    ticking = not st.session_state.pop(_CALM, False)
    st.session_state[picking.TICKING], st.session_state[_JUST_OPENED] = ticking, True
    st.fragment(_page, run_every=LOOK_S if ticking else None)(run)


def _page(run: Run) -> None:
    """Table and view. What is seen here sets whether there is a next look."""
    with data.errors_shown():
        run = data.look_again(run)
        picked = picking.pick(run)
        picking.problems(picked.chosen)
        unread = _view(picked)
        _pace(picked, unread)


def _pace(picked: picking.Picked, unread: bool) -> None:
    """Look again soon while there is something to wait for; a run of the whole page sets the pace.

    Not at once: the browser has yet to be told what the link put into the widgets, and a rerun
    before that would forget it.
    """
    if st.session_state.pop(_JUST_OPENED, False):
        return
    written = any(data.is_writing(run) for run in picked.chosen[: picking.MANY])
    wanted = written or unread or bool(picked.missing)
    if wanted != st.session_state.get(picking.TICKING):
        st.session_state[_CALM] = not wanted
        st.rerun()


def _view(picked: picking.Picked) -> bool:
    """Draw the chosen view; says whether there is more to be read for it."""
    kinds = _kinds(picked)
    asked = st.session_state.get("show")
    if asked is None:
        # The very first look: what the link asks for may not have been read yet.
        asked = {t(f"runs.{name}"): name for name in VIEWS}.get(st.query_params.get("show", ""))
    view = st.segmented_control(
        t("runs.view"),
        [name for name in VIEWS if name in kinds or name == asked],
        default="scalars",
        required=True,
        format_func=lambda name: t(f"runs.{name}"),
        key="show",
        bind="query-params",
        label_visibility="collapsed",
    )
    if view == "hparams":
        hparams.show(picked.matching)
        return False
    return bool(_DRAW[view or "scalars"](picked.chosen))


def _kinds(picked: picking.Picked) -> set[str]:
    """The kinds of data there are; hyper-parameters count over all runs of the table."""
    book = ledger()
    kinds = {line.kind for run in picked.chosen for line in book.outline(run).lines}
    if any(book.outline(run).hparams for run in picked.matching):
        kinds.add("hparams")
    return kinds | {"scalars"}
