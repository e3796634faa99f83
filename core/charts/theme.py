"""The one look of every chart: colours, zone bands, and the shared configuration.

Lines use the Okabe-Ito cycle (Okabe & Ito 2008, "Color Universal Design") without its yellow,
which vanishes on white. Zone colours come from ColorBrewer's RdBu ends, whose blue and red stay
distinct under protanopia, deuteranopia and tritanopia. Every zone carries a text label as well,
so that colour is never the only sign.
"""

from __future__ import annotations

from typing import Any

import altair as alt

LINE: tuple[str, ...] = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#E69F00",
    "#808080",
)
"""Okabe-Ito cycle for categories, in order of use."""

TRAIN = "#0072B2"
VAL = "#D55E00"

ZONES: dict[str, tuple[str, float]] = {
    "underfitting": ("#2166AC", 0.18),
    "optimal": ("#808080", 0.06),
    "overfitting": ("#B2182B", 0.26),
}
"""Phase -> (fill colour, opacity) of its band."""

DIVERGED: tuple[str, float] = ("#6E6E6E", 0.45)
"""The band after a run was lost: no phase of learning, so neither blue nor red."""

BEST = "#009E73"
"""The best checkpoint and our own advice."""

RULE = "#808080"
"""Rules and axes: the one grey that reads on light and on dark."""

NUMBER = "~g"
"""d3 number format; never ``~s``, which writes 0.5 as 500m."""


def finish(
    chart: Any, *, height: int | None = None, title: str | None = None, legend: str = "top"
) -> Any:
    """Apply the shared configuration to a finished (possibly layered) chart.

    Args:
        chart: any top-level Altair chart.
        height: height of the plotting area in px.
        title: text above the chart.
        legend: where legends go.

    Returns:
        The same kind of chart, filling its container's width, transparent, legend on top.
    """
    extra: dict[str, Any] = {"width": "container", "config": configuration(legend)}
    if height is not None:
        extra["height"] = height
    if title is not None:
        extra["title"] = title
    return chart.properties(**extra)


def configuration(legend: str = "top") -> dict[str, Any]:
    """One plain dict: Altair's configure methods copy the whole chart at every call."""
    return {
        "background": "transparent",
        "view": {"stroke": None},
        "axis": {"grid": True, "gridColor": RULE, "gridOpacity": 0.18, "domainColor": RULE},
        "legend": {"orient": legend, "title": None, "symbolStrokeWidth": 3, "labelLimit": 320},
    }


def no_data(text: str) -> alt.Chart:
    """A chart-sized statement that there is nothing to draw, with the reason."""
    return (
        alt.Chart(alt.Data(values=[{"text": text}]))
        .mark_text(size=13, color=RULE)
        .encode(text="text:N")
        .properties(width="container", height=80, config=configuration())
    )
