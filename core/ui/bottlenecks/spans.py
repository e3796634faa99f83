"""The timeline of a trace, with jumps to the time ranges that prove a finding."""

from __future__ import annotations

import streamlit as st

from core.traces import Diagnosis, Lanes
from core.ui import timeline
from core.ui.format import duration_ms
from core.ui.texts import t


@st.fragment
def show(lanes: Lanes, found: Diagnosis) -> None:
    """The canvas, with a chooser that jumps to the time ranges that prove a finding."""
    ranges = {
        t("bottlenecks.worst", title=finding.title, ms=duration_ms((high - low) / 1e3)): (low, high)
        for finding in found.findings
        for low, high in finding.ranges_us[:1]
    }
    focus = None
    if ranges:
        chosen = st.pills(t("bottlenecks.jump"), list(ranges), key=f"jump.{found.trace}")
        focus = _around(ranges[chosen]) if chosen else None
    timeline.show(
        lanes,
        key=f"timeline.{found.trace}",
        focus=focus,
        marks=tuple(ranges.values()),
        caption=found.headline,
    )


def _around(span: tuple[float, float]) -> tuple[float, float]:
    """A range with half its length of context on either side."""
    margin = (span[1] - span[0]) / 2
    return span[0] - margin, span[1] + margin
