"""What the start page is made of: the demo, the next action, and the health of the latest runs."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import NoReturn

import pandas as pd
import streamlit as st

from core.runs import Run
from core.settings import settings
from core.ui import data, forms, header, nav
from core.ui.format import ago, number, plain, signed
from core.ui.texts import t

CHECKOUT = Path(__file__).parents[2]
"""The folder from which a script imports ``core``."""

LATEST = 8
"""Runs shown on the start page; the rest is in the run chooser."""

DEMO_PARAMS = {"profile_steps": 6}
"""The demo trains ``digits`` with its defaults and records a few steps for the profile."""


def demo_button(*, first: bool) -> None:
    """One button: train a small network on real data and go and watch it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button(
            t("start.demo"),
            type="primary" if first else "secondary",
            icon=":material/play_arrow:",
            help=t("start.demo.help"),
        )
        header.link(
            "dynamics", t("start.simulator"), icon=":material/science:", view=t("view.simulator")
        )
    if pressed:
        job = forms.launch("train", "digits", DEMO_PARAMS)
        if job is not None:
            nav.go("dynamics", run=job.run_dir.name)


def empty_state() -> None:
    """What to do where nothing was trained yet, and where logs are expected."""
    st.info(t("start.empty"), icon=":material/info:")
    roots = "\n".join(f"- `{root}`" for root in settings().shown_roots)
    st.markdown(t("start.roots") + "\n" + roots)


def own_script() -> None:
    """How a training script that is no job of ours logs a run for these pages."""
    with st.expander(t("start.own"), icon=":material/code:"):
        st.markdown(t("start.own.text"))
        runs = Path(settings().runs_dir).expanduser().absolute()
        st.code(t("start.own.code", folder=repr(str(runs / "my-run"))), language="python")
        st.markdown(t("start.own.start"))
        command = f"PYTHONPATH={shlex.quote(str(CHECKOUT))} python train.py"
        st.code(command, language="bash")


def next_action(run: Run) -> None:
    """The latest verdict in words, with its evidence, and one thing to do next."""
    signs = data.vital_signs(run)
    if signs.summary:
        told = data.in_unit(signs.summary, data.step_name(run))
        st.markdown(f"**{plain(run.key)}** — {plain(told)}")
        label = t("start.next.watch") if data.is_writing(run) else t("start.next.dynamics")
        header.link("dynamics", label, icon=":material/arrow_forward:")
    if run.trace_files:
        header.link("bottlenecks", t("start.next.bottlenecks"), icon=":material/arrow_forward:")


def latest_runs() -> None:
    """A table of the latest runs, a health line each; a click on a row chooses the run."""
    st.subheader(t("start.latest"))
    shown = data.all_runs()[:LATEST]
    rows = [_row(run) for run in shown]
    event = st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        width="stretch",
        on_select="rerun",
        selection_mode="single-row",
        key="latest",
        alt=t("start.latest"),
    )
    picked = event.selection.rows  # pyright: ignore[reportAttributeAccessIssue]
    if picked:
        _open(shown[picked[0]])


def _open(run: Run) -> NoReturn:
    """Go to the page that shows what a run holds."""
    if run.kind == "tune":
        nav.go("loader", tuning=run.path.name)
    page = "dynamics" if run.event_files and run.kind != "profile" else "bottlenecks"
    nav.go(page, run=run.key)


def _state(run: Run) -> str:
    return t("runs.writing") if data.is_fresh(run) else t("overview.foreign")


def _row(run: Run) -> dict[str, str]:
    signs = data.vital_signs(run)
    job = data.job_of(run)
    best = ""
    if signs.best_step is not None:
        best = t("overview.best", value=number(signs.best_value), step=signs.best_step)
    return {
        t("overview.run"): run.key,
        t("overview.state"): job.state if job else _state(run),
        t("overview.verdict"): t(f"verdict.{signs.verdict}") if signs.verdict else "",
        t("overview.bestloss"): best,
        t("overview.gap"): signed(signs.gap) if signs.gap is not None else "",
        t("overview.changed"): ago(time.time() - run.modified),
    }
