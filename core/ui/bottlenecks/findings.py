"""The findings of a diagnosis: what costs time, the proof, the fix, and one press to try it."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import gallery
from core.runs import Run
from core.traces import Diagnosis, Finding
from core.ui import data, header
from core.ui.bottlenecks import applying, together
from core.ui.format import duration_ms, percent, plain
from core.ui.texts import t

_COLOUR = {"critical": "red", "warning": "orange", "note": "gray"}


def show(found: Diagnosis, run: Run | None) -> list[DeltaGenerator]:
    """All findings; those of a job of ours can be tried. Returns a place in each for more."""
    slots: list[DeltaGenerator] = []
    st.subheader(t("bottlenecks.findings"))
    if not found.findings:
        st.success(t("bottlenecks.healthy"), icon=":material/check_circle:")
    job = data.job_of(run) if run is not None else None
    for index, finding in enumerate(found.findings):
        with st.container(border=True, key=f"finding{index}"):
            describe(finding if job is None else applying.fitted(job, found, finding))
            _explain(finding)
            slots.append(st.container())
            if job is not None:
                applying.offer(job, found, finding, index)
    return slots


def _explain(finding: Finding) -> None:
    """A link to the gallery where it shows this killer in a small program."""
    entry = gallery.for_rule(finding.rule)
    if entry is not None:
        name = t(f"gallery.{entry.key}.name")
        label = t("bottlenecks.explain", name=name)
        header.link("gallery", label, icon=":material/menu_book:", killer=name)


def describe(finding: Finding) -> None:
    """What a finding says: what costs time, where, the proof, the fix and its predicted gain."""
    colour = _COLOUR.get(finding.severity, "gray")
    cost = t(
        "bottlenecks.cost", ms=duration_ms(finding.cost_ms), share=percent(100 * finding.share, 1)
    )
    said = f" · {cost}" if finding.cost_ms else ""
    st.markdown(f":{colour}-badge[{finding.severity}] **{plain(finding.title)}**{said}")
    st.markdown(
        "\n".join(f"- {plain(line)}" for line in (finding.where, *finding.evidence) if line)
    )
    st.markdown(f"**{t('bottlenecks.fix')}** {plain(finding.fix.text)}")
    if finding.fix.snippet:
        st.code(finding.fix.snippet, language="python")
    if finding.predicted_speedup is not None:
        st.caption(together.gain(finding.predicted_speedup))
