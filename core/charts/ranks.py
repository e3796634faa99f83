"""Where the time of every rank of a job goes: one stacked bar a rank."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from core.charts.theme import RULE, finish, no_data
from core.traces.labels import ACTIVITIES, CAUSES, RANK_PARTS, Label
from core.traces.ranks import JobDiagnosis, RankReport

MANY = 24
"""From so many ranks on, bars stand side by side and lose their names."""
_SHOWN_PCT = 1.0
"""Activities below this share on every rank are summed up."""
_ROW_PX, _AXIS_PX, _TALL_PX = 26, 130, 380
_LEAST_PX = 240
"""The legend takes up to half of it, and bars of two ranks must still be seen."""
_REST = Label("rest", "Other waiting", "Causes below 1 % of the window on every rank.", "#BDBDBD")
_ORDER = (
    "compute",
    "forward",
    "backward",
    "optimizer",
    "exposed-copies",
    "communication-transfer",
    "communication-alone",
    "communication-wait",
    *CAUSES,
)


def ranks_chart(job: JobDiagnosis) -> Any:
    """Stacked bars in per cent of each rank's window, those that wait least for others first.

    Rows with names for up to :data:`MANY` ranks; beyond that columns, as many as fit, in a chart
    of bounded height. The straggler is marked.
    """
    frame = _frame(job)
    if frame.empty:
        return no_data("No time was recorded.")
    many = len(job.ranks) > MANY
    place: Any = (alt.X if many else alt.Y)(
        "label:N",
        sort=None,
        title=f"{len(job.ranks)} ranks, by their waiting" if many else "rank",
        axis=alt.Axis(labels=not many, ticks=not many, labelOverlap=False),
        scale=alt.Scale(padding=0) if many else alt.Undefined,
    )
    length: Any = (alt.Y if many else alt.X)(
        "share:Q", title="% of the rank's window", scale=alt.Scale(domain=[0, 100])
    )
    sides = {"x": place, "y": length} if many else {"x": length, "y": place}
    base = alt.Chart(frame)
    bars = base.mark_bar().encode(
        **sides,
        color=_colour(frame),
        order=alt.Order("order:Q"),
        tooltip=[
            alt.Tooltip("label:N", title="Rank"),
            alt.Tooltip("activity:N", title="Activity"),
            alt.Tooltip("share:Q", title="% of its window", format=".1f"),
            alt.Tooltip("ms:Q", title="ms of its window", format=",.2f"),
            alt.Tooltip("explanation:N", title="What it means"),
        ],
    )
    height = _TALL_PX if many else max(_LEAST_PX, _ROW_PX * len(job.ranks) + _AXIS_PX)
    mark = _mark(job, place, many=many)
    return finish(bars if mark is None else bars + mark, height=height)


def ordered(job: JobDiagnosis) -> list[RankReport]:
    """Ranks in the order of the chart: by what they wait, least first, then by number."""
    return sorted(job.ranks, key=lambda rank: (round(rank.communication_wait_pct, 1), rank.rank))


def _colour(frame: pd.DataFrame) -> alt.Color:
    labels = {label.title: label for label in (*ACTIVITIES.values(), *RANK_PARTS.values(), _REST)}
    titles = list(dict.fromkeys(frame.sort_values("order")["activity"]))
    return alt.Color(
        "activity:N",
        scale=alt.Scale(domain=titles, range=[labels[title].colour for title in titles]),
        legend=alt.Legend(columns=2, labelLimit=140),
    )


def _label(job: JobDiagnosis, rank: RankReport) -> str:
    held = job.straggler is not None and job.straggler.rank == rank.rank
    return f"{rank.rank} ◀" if held else str(rank.rank)


def _mark(job: JobDiagnosis, place: Any, *, many: bool) -> Any | None:
    """Among columns without names, a name over the straggler's."""
    if job.straggler is None or not many:
        return None
    mine = next(rank for rank in job.ranks if rank.rank == job.straggler.rank)
    frame = pd.DataFrame({"label": [_label(job, mine)], "text": [f"▼ rank {mine.rank}"]})
    return (
        alt.Chart(frame)
        .mark_text(align="left", baseline="bottom", dy=-3, color=RULE, fontWeight="bold")
        .encode(x=place, y=alt.value(0), text="text:N")
    )


def _frame(job: JobDiagnosis) -> pd.DataFrame:
    largest: dict[str, float] = {}
    for rank in job.ranks:
        for key, share in rank.breakdown.items():
            largest[key] = max(largest.get(key, 0.0), share)
    shown = [key for key in _ORDER if largest.get(key, 0.0) >= _SHOWN_PCT]
    rows = []
    for rank in ordered(job):
        parts = {key: rank.breakdown.get(key, 0.0) for key in shown}
        rest = sum(rank.breakdown.values()) - sum(parts.values())
        if rest >= 0.05:
            parts[_REST.key] = rest
        for order, (key, share) in enumerate(parts.items()):
            if share > 0:
                label = ACTIVITIES.get(key) or RANK_PARTS.get(key) or _REST
                rows.append(
                    {
                        "label": _label(job, rank),
                        "activity": label.title,
                        "explanation": label.explanation,
                        "share": share,
                        "ms": share / 100 * rank.window_ms,
                        "order": len(shown) if label is _REST else order,
                    }
                )
    columns = ["label", "activity", "explanation", "share", "ms", "order"]
    return pd.DataFrame(rows, columns=columns)
