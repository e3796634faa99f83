"""The timeline: a canvas of plain JavaScript on Streamlit's components v2.

The server sends a bounded number of rectangles for the visible range; zooming and panning redraw
them at once in the browser and then ask for finer ones.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.components.v2 import component

from core.traces import Lanes, Trace, build_lanes, view

_HERE = Path(__file__).parent
_HTML = """
<div class="tl">
  <div class="tl-legend"></div>
  <div class="tl-stage">
    <canvas tabindex="0" role="application" aria-roledescription="timeline"></canvas>
    <div class="tl-tip" role="tooltip"></div>
  </div>
  <div class="tl-help"></div>
</div>
"""

_CANVAS = component(
    "gpulse_timeline",
    html=_HTML,
    css=(_HERE / "timeline.css").read_text(encoding="utf-8"),
    js="\n".join(
        (_HERE / name).read_text(encoding="utf-8") for name in ("timeline_paint.js", "timeline.js")
    ),
)


def show(
    source: Lanes | Trace,
    key: str,
    *,
    focus: tuple[float, float] | None = None,
    marks: tuple[tuple[float, float], ...] = (),
    caption: str = "",
) -> None:
    """Draw the timeline of a trace.

    Call it inside a fragment, so that zooming reruns the timeline alone, with lanes from a cache:
    building them takes some 100 ms on 100,000 spans, a view of them 10 ms.

    Args:
        source: lanes from :func:`core.traces.build_lanes`, or a trace.
        key: widget key; one per trace, so that each keeps its own zoom.
        focus: range (µs) to jump to; where it changes, it replaces what the user had zoomed to.
        marks: ranges (µs) to outline.
        caption: what is shown, for screen readers.
    """
    lanes = build_lanes(source) if isinstance(source, Trace) else source
    low, high, pixels = _window(lanes, key, focus)
    shown = view(lanes, low, high, pixels)
    text = caption or f"Timeline of {(lanes.high - lanes.low) / 1e3:,.0f} ms."
    _CANVAS(
        key=key,
        data=shown.pack(marks=marks, caption=text, focus=focus),
        on_window_change=lambda: None,
    )


def _window(lanes: Lanes, key: str, focus: tuple[float, float] | None) -> tuple[float, float, int]:
    """The range to send: a new focus first, then what the browser asked for, else everything."""
    last = f"{key}-focus"
    fresh = focus is not None and st.session_state.get(last) != focus
    st.session_state[last] = focus
    asked = (st.session_state.get(key) or {}).get("window")
    pixels = 1200
    low, high = lanes.low, lanes.high
    if isinstance(asked, list) and len(asked) == 3:
        low, high, pixels = float(asked[0]), float(asked[1]), int(asked[2])
    if fresh and focus is not None:
        low, high = focus
    if not min(high, lanes.high) > max(low, lanes.low):
        low, high = lanes.low, lanes.high
    return low, high, pixels
