from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pytest
import vl_convert

from core import series
from core.charts import scalars as charts
from core.charts.paint import PALETTE, SHAPES, colours, shapes
from core.series import Curve, Look


def _curves(runs: int, n: int = 100) -> list[Curve]:
    rng = np.random.default_rng(0)
    return [
        Curve(
            f"r{run}", ".", f"loss/{split}", split, np.arange(n), 1e9 + 60.0 * np.arange(n),
            rng.standard_normal(n),
        )
        for run in range(runs)
        for split in ("train", "validation")
    ]  # fmt: skip


def _valid(spec: dict[str, Any]) -> None:
    """Altair's own schema accepts the specification (its data apart)."""
    bare = {key: value for key, value in spec.items() if key != "datasets"}
    alt.LayerChart.from_dict(bare)


@pytest.mark.parametrize(
    "look",
    [
        Look(),
        Look("relative", 0.6, ignore_outliers=True),
        Look("wall"),
        Look(log_x=True, log_y=True, ignore_outliers=True),
        Look(band=True),
    ],
)
def test_every_look_is_a_valid_chart(look: Look) -> None:
    curves = _curves(3)
    curves[0].value[5] = np.nan
    groups = {curve.run: "net" for curve in curves}
    picture = series.prepare(curves, look, groups)
    spec = charts.scalar_chart(picture, "loss", look, {"net": "#000", "r0": "#000"})
    _valid(spec)
    used = {layer["data"]["name"] for layer in spec["layer"]}
    assert used == set(spec["datasets"])


@pytest.mark.parametrize("look", [Look(smoothing=0.6), Look("wall"), Look(log_y=True)])
def test_rows_are_drawn_as_they_come(look: Look) -> None:
    """A formula makes Vega copy each row, and remember the copy for ever in a live chart."""
    spec = charts.scalar_chart(series.prepare(_curves(2), look), "loss", look)
    tables = {name: table.to_dict("records") for name, table in spec["datasets"].items()}
    compiled = vl_convert.vegalite_to_vega({**spec, "datasets": tables})
    kinds = {step["type"] for table in compiled["data"] for step in table.get("transform", ())}
    assert kinds <= {"filter"}


def test_a_run_has_one_colour_and_a_split_one_dash() -> None:
    colour = colours(["r0", "r1"])
    spec = charts.scalar_chart(series.prepare(_curves(2), Look()), "loss", Look(), colour)
    lines = spec["datasets"]["line"]
    assert set(lines["colour"]) == set(colour.values())
    assert set(lines["split"]) == {"train", "validation"}


def test_no_two_of_78_runs_look_the_same() -> None:
    names = [f"r{run}" for run in range(len(PALETTE) * len(SHAPES))]
    colour, shape = colours(names), shapes(names)
    assert len({(colour[name], shape[name]) for name in names}) == len(names) == 78
    assert not any(shape[name] for name in names[: len(PALETTE)])
    assert not any(shapes([*names, "one more"]).values())


@pytest.mark.parametrize("points", [1, 300])
def test_lines_of_one_colour_carry_different_symbols(points: int) -> None:
    curves = _curves(len(PALETTE) + 1, points)
    colour = colours(list(dict.fromkeys(curve.run for curve in curves)))
    spec = charts.scalar_chart(series.prepare(curves, Look()), "loss", Look(), colour)
    _valid(spec)
    symbols = spec["datasets"]["symbol"]
    assert set(symbols["shape"]) == {"circle"}
    assert set(symbols["colour"]) == {PALETTE[0]}
    assert 2 <= len(symbols) <= 2 * charts.SYMBOLS_A_LINE
    places = {(x, y) for curve in curves for x, y in zip(curve.step, curve.value, strict=True)}
    assert set(zip(symbols["x"], symbols["y"], strict=True)) <= places


def test_the_tooltip_names_the_symbol() -> None:
    names = [f"r{run}" for run in range(len(PALETTE) + 1)]
    only_last = [curve for curve in _curves(len(names)) if curve.run == names[-1]]
    spec = charts.scalar_chart(series.prepare(only_last, Look()), "x", Look(), colours(names))
    tips = [tip["title"] for tip in spec["layer"][-1]["encoding"]["tooltip"]]
    assert f"● {names[-1]} train" in tips


def test_splits_have_the_colours_where_there_is_one_run() -> None:
    spec = charts.scalar_chart(series.prepare(_curves(1), Look()), "loss", Look())
    lines = spec["datasets"]["line"]
    assert len(set(zip(lines["colour"], lines["split"], strict=True))) == 2


def test_the_tooltip_lists_all_runs_but_no_more_than_a_screen_holds() -> None:
    for runs, listed in ((2, 4), (40, charts.MAX_HOVER_CURVES)):
        names = colours([f"r{run}" for run in range(runs)])
        spec = charts.scalar_chart(series.prepare(_curves(runs), Look()), "x", Look(), names)
        hover = spec["datasets"]["hover"]
        assert len([name for name in hover if name.startswith("v")]) == listed
        assert len(hover) <= charts.MAX_HOVER_PLACES


def test_ignoring_outliers_sets_the_axis() -> None:
    curves = _curves(1)
    curves[0].value[50] = 1e6
    look = Look(ignore_outliers=True)
    picture = series.prepare(curves, look)
    (line,) = [
        layer
        for layer in charts.scalar_chart(picture, "x", look)["layer"]
        if layer["data"]["name"] == "line"
    ]
    assert line["encoding"]["y"]["scale"]["domain"][1] < 10
    assert picture.outside >= 1


def test_a_single_point_is_drawn_as_a_dot() -> None:
    spec = charts.scalar_chart(series.prepare(_curves(1, n=1), Look()), "x", Look())
    assert len(spec["datasets"]["dot"]) == 2


def test_relative_time_has_the_unit_that_suits_it() -> None:
    look = Look("relative")
    spec = charts.scalar_chart(series.prepare(_curves(1), look), "x", look)
    assert spec["layer"][0]["encoding"]["x"]["title"].endswith("minutes")
    assert spec["datasets"]["line"]["x"].max() == 99.0
