"""Charts of training dynamics, through the Vega-Lite they become."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import altair as alt
import numpy as np
import pytest

from core.charts.curves import Look
from core.charts.dynamics import gap_chart, overlay_chart, small_chart, zones_chart
from core.charts.picture import render
from core.charts.picture import rows as table_rows
from core.charts.theme import BEST, DIVERGED, ZONES
from core.dynamics import (
    Clock,
    Curve,
    LossPair,
    SimulatorSettings,
    Verdict,
    diagnose,
    simulate,
    stop_rows,
)


@pytest.fixture(scope="module")
def pair() -> LossPair:
    return simulate(SimulatorSettings())


def certain(pair: LossPair) -> Verdict:
    """The verdict without its uncertainty, which has bands and edges of its own."""
    return replace(diagnose(pair), onset_interval=None, best_band=None, stop_step=None)


def drawn(spec: dict[str, Any]) -> dict[str, Any]:
    """The specification with its tables as rows, held against Altair's schema."""
    tables = {name: table_rows(data) for name, data in spec.get("datasets", {}).items()}
    kind = alt.LayerChart if "layer" in spec else alt.Chart
    return kind.from_dict(spec | {"datasets": tables}).to_dict()


def layers(spec: dict[str, Any], mark: str) -> list[dict[str, Any]]:
    return [layer for layer in spec["layer"] if layer["mark"]["type"] == mark]


def rows(spec: dict[str, Any], layer: dict[str, Any]) -> list[dict[str, Any]]:
    data = layer["data"]
    return data["values"] if "values" in data else spec["datasets"][data["name"]]


def texts(spec: dict[str, Any]) -> list[str]:
    found = [row for layer in layers(spec, "text") for row in rows(spec, layer)]
    return [str(row.get("text") or row["name"]) for row in found]


def lines(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return rows(spec, layers(spec, "line")[0])


def test_each_zone_is_a_named_band_in_its_colour(pair):
    spec = drawn(zones_chart(pair, certain(pair)))
    bands = layers(spec, "rect")
    assert [(band["mark"]["color"], band["mark"]["opacity"]) for band in bands] == list(
        ZONES.values()
    )
    assert texts(spec)[:3] == ["Underfitting", "Optimal", "Overfitting"]


def test_bands_meet_and_span_the_run(pair):
    spec = drawn(zones_chart(pair, certain(pair)))
    edges = [rows(spec, band)[0] for band in layers(spec, "rect")]
    assert edges[0]["x"] == 0
    assert edges[-1]["end"] == 60
    assert all(a["end"] == b["x"] for a, b in itertools.pairwise(edges))


def test_lines_differ_in_colour_and_dash_with_one_legend_on_top(pair):
    spec = drawn(zones_chart(pair, certain(pair)))
    encoding = layers(spec, "line")[0]["encoding"]
    assert len(set(encoding["color"]["scale"]["range"])) == 2
    assert encoding["strokeDash"]["scale"]["range"] == [[1, 0], [6, 3]]
    assert encoding["color"]["legend"] == encoding["strokeDash"]["legend"]
    assert encoding["color"]["legend"]["orient"] == "top"


def test_the_slider_has_a_rule_and_both_losses_in_words(pair):
    verdict = certain(pair)
    spec = drawn(zones_chart(pair, verdict, 40))
    at = [rows(spec, rule)[0]["x"] for rule in layers(spec, "rule")]
    assert at == [verdict.best_step, 40]
    assert pair.train is not None
    assert pair.val is not None
    assert f"training {pair.train.at(40):.4g}" in texts(spec)
    assert f"validation {pair.val.at(40):.4g}" in texts(spec)
    assert f"best {verdict.best_value:.4g}" in texts(spec)
    assert len(rows(spec, layers(spec, "point")[0])) == 3


def test_at_the_right_edge_the_readings_stand_on_the_left(pair):
    spec = drawn(zones_chart(pair, certain(pair), 60))
    aligned = {rows(spec, text)[0].get("text"): text["mark"] for text in layers(spec, "text")}
    assert {mark["align"] for name, mark in aligned.items() if name and "best" not in name} == {
        "right"
    }


def test_values_that_are_not_finite_break_the_line(pair):
    values = pair.val.values.copy()
    values[30] = np.nan
    values[31] = np.inf
    broken = LossPair("r", "a", "b", pair.train, Curve(pair.val.steps, values))
    spec = drawn(zones_chart(broken, diagnose(broken), 31))
    json.dumps(spec, allow_nan=False)
    empty = [row["step"] for row in lines(spec) if row["y"] is None]
    assert empty == [30, 31]
    assert "validation nan" not in texts(spec)


def test_a_log_axis_leaves_out_what_it_cannot_show(pair):
    values = pair.train.values.copy()
    values[-1] = 0.0
    zero = LossPair("r", "a", "b", Curve(pair.train.steps, values), pair.val)
    spec = drawn(zones_chart(zero, diagnose(zero), 60, Look(log_y=True)))
    assert layers(spec, "line")[0]["encoding"]["y"]["scale"]["type"] == "log"
    assert all(row["y"] is None or row["y"] > 0 for row in lines(spec))
    assert not any(text.startswith("training") for text in texts(spec))


def test_long_curves_are_thinned_and_keep_their_extremes():
    rng = np.random.default_rng(0)
    values = 1 + 0.01 * rng.standard_normal(200_000)
    values[123_456], values[150_000] = 9.0, np.nan
    curve = Curve(np.arange(200_000), values)
    long = LossPair("r", "a", "b", curve, None)
    shown = lines(drawn(zones_chart(long, diagnose(long))))
    assert len(shown) < 3_500
    assert max(row["y"] for row in shown if row["y"] is not None) == 9.0
    assert any(row["y"] is None for row in shown)


def test_tooltips_name_what_they_show(pair):
    spec = drawn(zones_chart(pair, certain(pair), look=Look(step_name="Epoch")))
    titles = [tip["title"] for tip in layers(spec, "line")[0]["encoding"]["tooltip"]]
    assert titles == ["Curve", "Epoch", "Loss"]


def test_the_gap_is_validation_minus_training(pair):
    spec = drawn(gap_chart(pair, certain(pair), 40))
    assert lines(spec)[-1]["y"] == pytest.approx(pair.val.values[-1] - pair.train.values[-1])
    assert len(layers(spec, "rect")) == 3
    assert len(layers(spec, "rule")) == 2


def test_without_curves_the_chart_says_why():
    nothing = LossPair("r", "", "", None, None)
    for chart in (zones_chart, gap_chart):
        spec = drawn(chart(nothing, diagnose(nothing)))
        assert spec["mark"]["type"] == "text"


def test_one_curve_alone_is_drawn(pair):
    alone = LossPair("r", "a", "", pair.train, None)
    spec = drawn(zones_chart(alone, diagnose(alone), 5))
    assert {row["split"] for row in lines(spec)} == {"Training loss"}
    assert drawn(gap_chart(alone, diagnose(alone)))["mark"]["type"] == "text"


def uncertain(pair: LossPair):
    verdict = certain(pair)
    assert verdict.overfit_step is not None
    onset = (verdict.overfit_step - 3, verdict.overfit_step + 4)
    return replace(verdict, onset_interval=onset, best_band=(7, 11), stop_step=30)


def test_the_red_begins_lighter_where_its_onset_is_uncertain(pair):
    verdict = uncertain(pair)
    spec = drawn(zones_chart(pair, verdict))
    reds = [
        (rows(spec, band)[0]["x"], rows(spec, band)[0]["end"], band["mark"]["opacity"])
        for band in layers(spec, "rect")
        if band["mark"]["color"] == ZONES["overfitting"][0]
    ]
    assert verdict.onset_interval is not None
    low, high = verdict.onset_interval
    assert [(a, b) for a, b, _ in reds] == [(low, high), (high, 60)]
    assert reds[0][2] < reds[1][2] == ZONES["overfitting"][1]
    edges = [layer for layer in layers(spec, "rule") if layer["mark"].get("strokeDash") == [4, 3]]
    assert [row["x"] for row in rows(spec, edges[0])] == [low, high]


def test_equally_good_checkpoints_are_a_strip_at_the_bottom(pair):
    spec = drawn(zones_chart(pair, uncertain(pair)))
    strips = [band for band in layers(spec, "rect") if band["mark"]["color"] == BEST]
    assert (rows(spec, strips[0])[0]["x"], rows(spec, strips[0])[0]["end"]) == (7, 11)


def test_each_rule_that_stops_has_a_marker_of_its_own_shape(pair):
    stops = stop_rows(pair, uncertain(pair))
    spec = drawn(zones_chart(pair, certain(pair), stops=stops))
    marked = [each for each in layers(spec, "point") if "shape" in each["encoding"]]
    assert {rows(spec, each)[0]["rule"] for each in marked} == {
        row.rule for row in stops if row.step is not None
    }
    scale = marked[0]["encoding"]["shape"]["scale"]
    assert len(set(scale["range"])) == len(scale["domain"]) == len(stops)


def test_the_trend_lies_over_the_faint_points(pair):
    spec = drawn(zones_chart(pair, certain(pair), look=Look(trend=True)))
    raw, line = layers(spec, "line")
    assert raw["mark"]["opacity"] < 0.5
    assert "opacity" not in line["mark"]


def test_time_axes_take_their_places_from_the_clock(pair):
    clock = Clock(np.arange(61), 1.7e9 + 60 * np.arange(61, dtype=np.float64))
    relative = drawn(zones_chart(pair, certain(pair), 40, Look(axis="relative", clock=clock)))
    assert lines(relative)[30]["x"] == pytest.approx(30.0)
    title = layers(relative, "line")[0]["encoding"]["x"]["title"]
    assert title == "Time since the start, minutes"
    wall = drawn(zones_chart(pair, certain(pair), 40, Look(axis="wall", clock=clock)))
    assert lines(wall)[30]["x"] == pytest.approx((1.7e9 + 1800) * 1e3)
    assert layers(wall, "line")[0]["encoding"]["x"]["type"] == "temporal"


def test_runs_beside_each_other_are_valid_charts(pair):
    small = drawn(small_chart(pair, certain(pair), "net"))
    assert len(layers(small, "rect")) == 3
    over = drawn(overlay_chart({"a": (pair.val, "#000000"), "b": (pair.train, "#ff0000")}))
    assert over["layer"][0]["encoding"]["color"]["scale"]["domain"] == ["a", "b"]
    assert drawn(overlay_chart({}))["mark"]["type"] == "text"


def test_pictures_are_made_without_a_browser(pair):
    verdict = uncertain(pair)
    specs = [
        zones_chart(pair, verdict, 40, stops=stop_rows(pair, verdict)),
        gap_chart(pair, verdict, 40),
    ]
    assert render(specs, "net", "png").startswith(b"\x89PNG")
    svg = render(specs, "<net> & co", "svg").decode()
    assert svg.startswith("<svg")
    assert "&lt;net&gt; &amp; co" in svg
    assert "Overfitting" in svg


def lost(pair: LossPair, first: int) -> LossPair:
    def cut(curve: Curve | None) -> Curve:
        assert curve is not None
        return Curve(curve.steps, np.where(curve.steps < first, curve.values, np.nan))

    return replace(pair, train=cut(pair.train), val=cut(pair.val))


@pytest.mark.parametrize("first", [30, 60])
def test_a_diverged_stretch_is_no_phase_but_has_a_shade_and_a_name(pair, first):
    broken = lost(pair, first)
    spec = drawn(zones_chart(broken, diagnose(broken), 60))
    bands = [(band["mark"]["color"], rows(spec, band)[0]) for band in layers(spec, "rect")]
    (dark,) = [row for colour, row in bands if colour == DIVERGED[0]]
    assert (dark["x"], dark["end"]) == (first, 60)
    assert all(row["end"] <= first for colour, row in bands if colour != DIVERGED[0])
    assert "Diverged" in texts(spec)
    edge = [each for each in layers(spec, "rule") if each["mark"]["color"] == DIVERGED[0]]
    assert rows(spec, edge[0])[0]["x"] == first


def test_a_run_that_never_learned_has_no_green(pair):
    rng = np.random.default_rng(0)
    train, val = (Curve(np.arange(40), 2.3 + 0.003 * rng.standard_normal(40)) for _ in range(2))
    flat = LossPair("r", "a", "b", train, val)
    spec = drawn(small_chart(flat, diagnose(flat), "net"))
    assert [band["mark"]["color"] for band in layers(spec, "rect")] == [ZONES["underfitting"][0]]


def test_errors_are_called_errors(pair):
    errors = replace(pair, negated=True)
    verdict = certain(errors)
    spec = drawn(zones_chart(errors, verdict, 40))
    line = layers(spec, "line")[0]["encoding"]
    assert line["y"]["title"] == "Error (1 − accuracy)"
    assert line["color"]["scale"]["domain"] == ["Training error", "Validation error"]
    assert line["tooltip"][2]["title"] == "Error"
    small = drawn(small_chart(errors, verdict, "net"))
    assert layers(small, "line")[0]["encoding"]["y"]["title"] == "Error (1 − accuracy)"
    gap = drawn(gap_chart(errors, verdict, 40))
    assert layers(gap, "line")[0]["encoding"]["tooltip"][1]["title"] == "Gap in error"
    assert "loss" not in json.dumps([spec, small, gap]).lower()
