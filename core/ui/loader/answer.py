"""The recommendation: what to use, how sure it is, what it costs, and one press to use it."""

from __future__ import annotations

import difflib

import streamlit as st

from core import jobs
from core.loader import Prediction, Recommendation, Setting, Trials
from core.promises import Promised
from core.ui import forms
from core.ui.format import duration_ms, number, percent, plain
from core.ui.texts import t

MIB = 2**20


def show(job: jobs.Job, trials: Trials, found: Recommendation) -> None:
    """The answer in words and figures, the call to copy, the change, the button."""
    box = st.success if found.certain else st.warning
    box(plain(found.text), title=t("loader.recommended"))
    if found.best is None:
        return
    _figures(trials, found)
    left, right = st.columns(2, gap="large")
    with left:
        st.code(found.best.call, language="python")
    with right:
        st.code(difference(found.baseline, found.best), language="diff")
    if found.best.threads:
        st.caption(t("loader.threads", count=found.best.threads))
    if st.button(t("loader.apply"), type="primary", icon=":material/build:"):
        params, parent, why = relaunch(job, trials, found.best)
        promise = None if parent is None else promised(job, found, parent)
        forms.prefill("train", job.workload, params, parent, why, promise=promise)


def relaunch(
    job: jobs.Job, trials: Trials, best: Setting
) -> tuple[dict[str, object], str | None, str]:
    """Parameters of a training with a setting, the job that it reruns, and what for."""
    words = ", ".join(f"{name}={value}" for name, value in best.arguments.items())
    parent = str(job.params.get("like") or "") or None
    why = t("loader.apply.why", id=job.id, change=words)
    return {**trials.params, **best.params}, parent, why


def promised(job: jobs.Job, found: Recommendation, base: str) -> Promised | None:
    """The measured gain of the recommended setting, as a promise to the run it is to be used in.

    None where it has another batch size: the gain is in samples, a step is then other work.

    Args:
        job: the tuning.
        found: what it recommends.
        base: id of the job whose DataLoader was tuned.
    """
    if found.best is None or found.speedup is None:
        return None
    if found.best.batch_size != found.baseline.batch_size:
        return None
    gain, title = found.speedup, t("loader.promise", setting=found.best.label)
    changes = dict(found.best.params)
    return Promised(title, base, job.id, (), changes, gain.low, gain.high, gain.value)


def _figures(trials: Trials, found: Recommendation) -> None:
    guess = _prediction(trials, found.best)
    tried = [t for t in trials.trials if t.setting == found.best and t.status == "ok"]
    with st.grid(4, min_column_width=145, gap="small"):
        gain = found.speedup
        st.metric(
            t("loader.gain"),
            "–" if gain is None else f"{gain.value:.2f} ×",
            None if gain is None or gain.low == gain.high else t(
                "loader.gain.interval", low=f"{gain.low:.2f}", high=f"{gain.high:.2f}"
            ),
            delta_color="off", delta_arrow="off", border=True,
        )  # fmt: skip
        wait = tried[-1].wait_share if tried else None
        st.metric(
            t("loader.col.wait"), percent(None if wait is None else 100 * wait), border=True,
            help=t("loader.wait.help"),
        )  # fmt: skip
        memory = "–" if guess is None else f"{number(guess.shared_bytes / MIB)} MiB"
        st.metric(t("loader.memory"), memory, border=True, help=t("loader.memory.help"))
        startup = tried[-1].startup_s if tried else None
        st.metric(
            t("loader.startup"), duration_ms(None if startup is None else 1e3 * startup),
            border=True, help=t("loader.startup.help"),
        )  # fmt: skip


def _prediction(trials: Trials, setting: Setting | None) -> Prediction | None:
    return next((p for p in trials.predicted if p.setting == setting), None)


def difference(before: Setting, after: Setting) -> str:
    """The change of the call as a unified diff, without its header."""
    lines = difflib.unified_diff(
        before.call.splitlines(), after.call.splitlines(), n=20, lineterm=""
    )
    return "\n".join(list(lines)[3:]) or before.call
