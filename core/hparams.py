"""Hyper-parameters against a metric: one table, axes to draw it on, rank correlation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata

Value = float | str
MIN_RUNS = 3
"""Fewer runs than this correlate with anything."""

_LOG_SPAN = 100.0
"""A positive parameter that spans more than this gets a logarithmic axis."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of the parallel coordinates.

    Attributes:
        name: hyper-parameter or metric.
        places: float64[runs], 0 (bottom) to 1 (top); NaN where a run has no value.
        ticks: (place, label) to write beside the axis.
    """

    name: str
    places: np.ndarray
    ticks: tuple[tuple[float, str], ...]


def hparam_table(
    hparams: Mapping[str, Mapping[str, Value]], metric: Mapping[str, float], name: str
) -> pd.DataFrame:
    """One row a run, one column a hyper-parameter, the metric last.

    Args:
        hparams: run -> hyper-parameter -> value.
        metric: run -> value; missing counts as NaN.
        name: what the metric is called.

    Returns:
        DataFrame with run, the hyper-parameters in alphabetical order (float64 where every
        value is a number, else str) and the metric.
    """
    names = sorted({key for values in hparams.values() for key in values})
    data: dict[str, object] = {"run": list(hparams)}
    for key in names:
        column = [values.get(key) for values in hparams.values()]
        if all(value is None or isinstance(value, (int, float)) for value in column):
            data[key] = np.array([np.nan if v is None else float(v) for v in column], float)
        else:
            data[key] = ["" if value is None else str(value) for value in column]
    label = name if name not in data else f"{name} (metric)"
    data[label] = np.array([metric.get(run, np.nan) for run in hparams], float)
    return pd.DataFrame(data)


def varied(table: pd.DataFrame) -> list[str]:
    """The hyper-parameters that differ between runs (columns but the first and the last)."""
    return [name for name in table.columns[1:-1] if len(set(table[name].dropna())) > 1]


def correlations(table: pd.DataFrame) -> pd.DataFrame:
    """Spearman's rank correlation of each numeric hyper-parameter with the metric.

    Ranks ask only whether the metric rises or falls with the parameter, not along which curve,
    so a learning rate needs no logarithm (Spearman, 1904). Ties get their mean rank.

    Args:
        table: of :func:`hparam_table`.

    Returns:
        DataFrame with name, rho (-1 to 1) and n (runs that have both), strongest first. What
        does not vary, or has fewer than :data:`MIN_RUNS` runs, is left out.
    """
    metric = table.iloc[:, -1].to_numpy(float)
    rows = []
    for name in varied(table):
        if not pd.api.types.is_numeric_dtype(table[name]):
            continue
        values = table[name].to_numpy(float)
        both = np.isfinite(values) & np.isfinite(metric)
        rho = _spearman(values[both], metric[both])
        if rho is not None:
            rows.append({"name": name, "rho": rho, "n": int(both.sum())})
    found = pd.DataFrame(rows, columns=["name", "rho", "n"])
    return found.sort_values("rho", key=np.abs, ascending=False, ignore_index=True)


def _spearman(x: np.ndarray, y: np.ndarray) -> float | None:
    if len(x) < MIN_RUNS or len(np.unique(x)) < 2 or len(np.unique(y)) < 2:
        return None
    return float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])


def axes(table: pd.DataFrame) -> list[Axis]:
    """The axes of the parallel coordinates: what varies, then the metric.

    Args:
        table: of :func:`hparam_table`.
    """
    names = [*varied(table), table.columns[-1]]
    return [_axis(name, pd.Series(table[name])) for name in names]


def _axis(name: str, column: pd.Series) -> Axis:
    if not pd.api.types.is_numeric_dtype(column):
        return _categories(name, column.astype(str).tolist())
    values = column.to_numpy(float)
    finite = values[np.isfinite(values)]
    if not len(finite):
        return Axis(name, np.full(len(values), np.nan), ())
    low, high = float(finite.min()), float(finite.max())
    if low == high:
        return Axis(name, np.where(np.isfinite(values), 0.5, np.nan), ((0.5, f"{low:.3g}"),))
    logarithmic = low > 0 and high / low > _LOG_SPAN
    scaled = np.log(values) if logarithmic else values
    bottom, top = (np.log(low), np.log(high)) if logarithmic else (low, high)
    places = (scaled - bottom) / (top - bottom)
    ticks = ((0.0, f"{low:.3g}"), (1.0, f"{high:.3g}"))
    return Axis(name, np.where(np.isfinite(values), places, np.nan), ticks)


def _categories(name: str, values: Sequence[str]) -> Axis:
    kinds = sorted(set(values))
    step = 1 / max(len(kinds) - 1, 1)
    place = {kind: i * step if len(kinds) > 1 else 0.5 for i, kind in enumerate(kinds)}
    ticks = tuple((place[kind], kind or "–") for kind in kinds)
    return Axis(name, np.array([place[value] for value in values]), ticks)
