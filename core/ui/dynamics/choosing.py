"""Which losses of a run are meant, and how their charts are drawn; all of it kept in the URL."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core.charts.curves import Look
from core.charts.xaxis import AXES, as_axis
from core.dynamics import Clock
from core.errors import NotFound
from core.runs import Run
from core.ui import data, draw
from core.ui.dynamics import store
from core.ui.texts import t

MAX_PAIRS = 60
"""Pairs to choose from; any other is made of two tags."""


@dataclass(frozen=True, slots=True)
class View:
    """What the reader wants to see.

    Attributes:
        look: how to draw.
        rules: mark where the rules in use would have stopped.
        known: zones as they would have been known at the slider.
    """

    look: Look
    rules: bool
    known: bool


def choose(run: Run) -> data.Judged:
    """The pair of losses to show: two tags where the user named them, else the chosen pair.

    Raises:
        NotFound: the run has no losses, or not under the names given.
    """
    offer = store.offer(run)
    train, val = _tags(offer.tags)
    judged = data.judge(run)
    if train is not None or val is not None:
        return _named(run, judged, train, val)
    if not judged and data.is_writing(run):
        raise NotFound(t("dynamics.nolossyet", run=run.key))
    if not judged:
        raise NotFound(t("dynamics.noloss", run=run.key))
    pairs = _pairs(judged, offer)
    if len(pairs) == 1:
        return judged[0]
    if st.session_state.get("pair") not in pairs:
        st.session_state.pop("pair", None)
    label = st.selectbox(t("dynamics.pair"), list(pairs), key="pair", bind="query-params")
    name, tags = pairs[label]
    found = data.judge(run, *tags) if tags else judged
    return next((each for each in found if each.pair.run == name), judged[0])


def _named(run: Run, judged: list[data.Judged], train: str | None, val: str | None) -> data.Judged:
    """The pair of the tags named; where only one is, the other is the one found by name."""
    found = judged[0].pair if judged else None
    if found is not None:
        train, val = train or found.train_tag or None, val or found.val_tag or None
    named = data.judge(run, train, val)
    if not named:
        raise NotFound(t("dynamics.noloss", run=run.key))
    return named[0]


def _pairs(
    judged: list[data.Judged], offer: store.Offer
) -> dict[str, tuple[str, tuple[str, str] | None]]:
    """Label -> (sub-run, tags); of each sub-run the automatic choice, which has no tags, first."""
    found: dict[str, tuple[str, tuple[str, str] | None]] = {}
    for each in judged:
        name = each.pair.run
        first = (each.pair.train_tag, each.pair.val_tag)
        start = "" if len(judged) == 1 else f"{name}: "
        found[_label(start, *first)] = (name, None)
        for tags in offer.pairs.get(name, ()):
            if tags != first and len(found) < MAX_PAIRS:
                found.setdefault(_label(start, *tags), (name, tags))
    return found


def _label(start: str, train: str, val: str) -> str:
    return start + " / ".join(tag for tag in (train, val) if tag)


def _tags(known: tuple[str, ...]) -> tuple[str | None, str | None]:
    """Tags named by the user, behind a button: the automatic choice is right as a rule."""
    named = []
    with st.popover(t("dynamics.tags"), icon=":material/sell:"):
        st.caption(t("dynamics.tags.help"))
        for which in ("train", "val"):
            if st.session_state.get(which) not in known:
                st.session_state.pop(which, None)
            named.append(
                st.selectbox(
                    t(f"dynamics.{which}tag"), known, index=None, key=which,
                    bind="query-params", placeholder=t("dynamics.auto"),
                )
            )  # fmt: skip
    return named[0], named[1]


def view(unit: str, clock: Clock | None) -> View:
    """How to draw it, behind a button too."""
    axis = "step"
    with st.popover(t("dynamics.view"), icon=":material/tune:"):
        if clock is not None:
            chosen = st.segmented_control(
                t("dynamics.axis"), AXES, default="step", required=True, key="axis",
                bind="query-params", format_func=lambda name: t(f"dynamics.axis.{name}"),
            )  # fmt: skip
            axis = chosen or axis
        log_y = _toggle("log", "logy")
        trend = _toggle("trend", "trend")
        rules = _toggle("rules", "rules")
        known = _toggle("known", "known")
    return View(Look(log_y, trend, as_axis(axis), clock, unit, draw.ink()), rules, known)


def _toggle(name: str, key: str) -> bool:
    return st.toggle(
        t(f"dynamics.{name}"), key=key, bind="query-params", help=t(f"dynamics.{name}.help")
    )
