"""What is on screen as files: CSV or Parquet, one row a value or one column a tag."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from core.runs import Run
from core.series import Curve
from core.ui.texts import t


def scalar_table(curves: Sequence[Curve], *, wide: bool = False) -> pd.DataFrame:
    """The values of curves as they were logged.

    Args:
        curves: which.
        wide: one column a tag instead of one row a value, like tbparse's ``pivot``; of a step
            that was logged twice the later value counts.

    Returns:
        DataFrame with run, folder, tag, step, wall_time (s since the epoch, UTC) and value, or
        with run, folder, step and the tags.
    """
    parts = [
        pd.DataFrame(
            {"run": each.run, "folder": each.folder, "tag": each.tag, "step": each.step,
             "wall_time": each.time, "value": each.value}
        )
        for each in curves
    ]  # fmt: skip
    columns = ["run", "folder", "tag", "step", "wall_time", "value"]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    if not wide:
        return table
    table = table.drop_duplicates(["run", "folder", "step", "tag"], keep="last")
    pivoted = table.pivot(index=["run", "folder", "step"], columns="tag", values="value")
    return pivoted.rename_axis(columns=None).reset_index()


def as_csv(table: pd.DataFrame) -> bytes:
    """A table as CSV; a text that a spreadsheet would take for a formula gets a quote before."""
    texts = [name for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    safe = table.assign(**{name: table[name].map(_harmless) for name in texts})
    return safe.to_csv(index=False).encode()


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") else value


def as_parquet(table: pd.DataFrame) -> bytes:
    """A table as Parquet."""
    stream = io.BytesIO()
    table.to_parquet(stream, index=False)
    return stream.getvalue()


def scalars(runs: Sequence[Run], curves: Sequence[Curve]) -> None:
    """Buttons to download the curves on screen."""
    with st.container(horizontal=True, vertical_alignment="center"):
        wide = st.toggle(
            t("runs.pivot"), key="pivot", bind="query-params", help=t("runs.pivot.help")
        )
        kept = list(curves)
        st.download_button(
            t("runs.csv"), lambda: as_csv(scalar_table(kept, wide=wide)),
            file_name="scalars.csv", mime="text/csv", icon=":material/download:",
        )  # fmt: skip
        st.download_button(
            t("runs.parquet"), lambda: as_parquet(scalar_table(kept, wide=wide)),
            file_name="scalars.parquet", mime="application/vnd.apache.parquet",
            icon=":material/download:",
        )  # fmt: skip
        points = int(np.sum([len(each.value) for each in kept]))
        st.caption(t("runs.download", curves=len(kept), points=f"{points:,}", runs=len(runs)))
