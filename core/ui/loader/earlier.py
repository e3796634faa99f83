"""Tunings made before, those of the same data on the same machine compared with this one."""

from __future__ import annotations

import time
from pathlib import Path

import pandas as pd
import streamlit as st

from core import jobs, loader
from core.loader import Tuning
from core.loader.results import FILE_NAME
from core.runs import file_stamp
from core.ui.format import ago, number
from core.ui.texts import t

SHOWN = 50


@st.cache_data(max_entries=256, show_spinner=False)
def _read(stamp: tuple[tuple[str, int, int], ...]) -> Tuning | None:
    found = loader.tunings([Path(path).parent for path, _, _ in stamp])
    return found[0] if found else None


def _tuning(job: jobs.Job) -> Tuning | None:
    stamp = file_stamp([job.run_dir / FILE_NAME])
    return _read(stamp) if stamp else None


def show(job: jobs.Job, others: list[jobs.Job]) -> None:
    """A table of the other finished tunings, comparable ones first."""
    this = _tuning(job)
    found = [(other, _tuning(other)) for other in others[:SHOWN] if other.final]
    known = [(other, tuning) for other, tuning in found if tuning is not None]
    if not known:
        return
    with st.expander(t("loader.earlier", count=len(known)), icon=":material/history:"):
        st.markdown(t("loader.earlier.text"))
        rows = sorted(
            (_row(other, tuning, this) for other, tuning in known),
            key=lambda row: row[t("loader.col.same")] != t("loader.same"),
        )
        st.dataframe(
            pd.DataFrame(rows), hide_index=True, width="stretch", alt=t("loader.earlier.text")
        )


def _row(job: jobs.Job, tuning: Tuning, this: Tuning | None) -> dict[str, str]:
    trials, gain = tuning.trials, tuning.found.speedup
    same = this is not None and loader.comparable(trials, this.trials)
    best = tuning.found.best
    return {
        t("jobs.col.when"): ago(time.time() - job.created),
        t("jobs.workload"): trials.workload,
        t("loader.col.same"): t("loader.same") if same else _what_differs(trials, this),
        t("loader.recommended"): best.label if best else "–",
        t("loader.col.speed"): f"{number(tuning.best_per_s)} samples/s",
        t("loader.col.change"): _change(tuning, this) if same else "–",
        t("loader.gain"): "–" if gain is None else f"{gain.value:.2f} ×",
        t("loader.col.data"): f"{trials.dataset}, batch {trials.batch_size}",
        t("loader.col.machine"): trials.machine,
    }


def _change(tuning: Tuning, this: Tuning | None) -> str:
    """How the throughput of this tuning's answer stands to that one's."""
    now = None if this is None else this.best_per_s
    before = tuning.best_per_s
    if now is None or not before:
        return "–"
    return f"{100 * (now / before - 1):+.0f} %".replace("-", "−")


def _what_differs(trials: loader.Trials, this: Tuning | None) -> str:
    if this is None:
        return "–"
    other = this.trials
    for name in ("workload", "dataset", "machine", "device", "params", "batch_size"):
        if getattr(trials, name) != getattr(other, name):
            return t("loader.differs", what=t(f"loader.differs.{name}"))
    return "–"
