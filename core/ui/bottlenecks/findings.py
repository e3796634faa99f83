"""The findings of a diagnosis: what costs time, the proof, the fix, and one press to try it."""

from __future__ import annotations

import streamlit as st

from core.runs import Run
from core.traces import Diagnosis, Finding
from core.ui import data
from core.ui.bottlenecks import applying, together
from core.ui.format import duration_ms, percent, plain
from core.ui.texts import t

_COLOUR = {"critical": "red", "warning": "orange", "note": "gray"}


def show(found: Diagnosis, run: Run | None) -> None:
    """All findings; those of a job of ours can be tried."""
    st.subheader(t("bottlenecks.findings"))
    if not found.findings:
        st.success(t("bottlenecks.healthy"), icon=":material/check_circle:")
    job = data.job_of(run) if run is not None else None
    for index, finding in enumerate(found.findings):
        with st.container(border=True):
            _finding(finding)
            if job is not None:
                applying.offer(job, found, finding, index)
    together.show(found)


def _finding(finding: Finding) -> None:
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
