"""The report: what it says, and that nothing in a trace can make it do anything."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.report import MAX_SECTIONS, document, section, several, worst_first
from core.report.markup import text
from core.report.pictures import worst
from core.traces import Category, SimulatorSettings, Trace, diagnose, load_trace, simulate_trace
from tests.report.reading import check_safe, read

SHARED = Path(__file__).parents[2].parent / "shared" / "traces"


def _report(trace: Trace) -> str:
    found = diagnose(trace)
    return document(found.trace, section(trace, found), datetime(2026, 1, 2, tzinfo=UTC))


@cache
def _slow() -> Trace:
    """Cached, not a fixture alone: hypothesis would print it whole."""
    return simulate_trace(SimulatorSettings(data_ms=60.0, kernels=60, steps=3))


@pytest.fixture
def slow() -> Trace:
    return _slow()


def test_it_says_the_verdict_the_findings_and_their_gain(slow: Trace) -> None:
    found = diagnose(slow)
    words = " ".join(read(_report(slow)).words)
    finding = found.findings[0]
    assert finding.predicted_speedup is not None
    for part in (
        found.headline, finding.title, finding.fix.text, finding.fix.snippet, *finding.evidence,
        f"{finding.predicted_speedup.low:.2f} to", "its worst instance",
    ):  # fmt: skip
        assert part in words


def test_it_has_known_elements_only_and_loads_nothing(slow: Trace) -> None:
    found = read(_report(slow))
    check_safe(found)
    assert any("default-src 'none'" in value for value in found.attributes["content"])


def test_its_style_loads_nothing_either() -> None:
    style = document("x", "").partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    assert "prefers-color-scheme: dark" in style
    assert "@media print" in style


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), min_size=1, max_size=6)
)
def test_names_of_any_kind_stay_text(names: list[str]) -> None:
    evil = ['</svg><script src="http://evil/x.js">', '"><img src=x onerror=a()>', "\x00&lt;"]
    slow = _slow()
    given_names = [*names, *evil]
    trace = replace(
        slow,
        names=tuple(name + given_names[i % len(given_names)] for i, name in enumerate(slow.names)),
        source=evil[0] + names[0],
        devices={0: evil[1]},
    )
    markup = _report(trace)
    check_safe(read(markup))
    markup.encode("utf-8")


def test_control_characters_are_shown_as_unknown() -> None:
    assert text("a\x00b\u2028\ud800<") == "a�b��&lt;"


def test_the_same_trace_gives_the_same_report(slow: Trace) -> None:
    assert _report(slow) == _report(slow)


def test_it_says_why_the_device_idles(slow: Trace) -> None:
    found = diagnose(slow)
    words = " ".join(read(_report(slow)).words)
    assert f"The device idles for {found.idle_pct:.1f} % of the time" in words
    assert f"Waiting for the DataLoader {found.idle_by_cause['input-wait']:.1f} %" in words


def test_a_trace_without_a_device_is_reported_too(slow: Trace) -> None:
    columns = {field.name: getattr(slow, field.name) for field in fields(slow)}
    host = slow.category > Category.MEMSET
    rows = {name: v[host] for name, v in columns.items() if isinstance(v, np.ndarray)}
    trace = replace(slow, **rows)
    words = " ".join(read(_report(trace)).words)
    assert "no device" in words
    assert "Main thread at work" in words


def test_a_short_instance_is_shown_from_near(slow: Trace) -> None:
    found = diagnose(slow)
    start = float(found.window.step_start[1]) + 100
    short = replace(found.findings[0], ranges_us=((start, start + 10),))
    (low, high), mark, _ = worst(replace(found, findings=(short,)))
    assert mark == (start, start + 10)
    assert low < start
    assert start + 10 < high
    assert high - low < 1_000


def test_a_healthy_trace_shows_a_step_in_the_middle(slow: Trace) -> None:
    found = replace(diagnose(slow), findings=())
    (low, high), mark, words = worst(found)
    assert (mark, words) == (None, "A step in the middle.")
    assert (low, high) == pytest.approx(found.window.step_start[1:3].tolist())


def test_of_a_folder_the_slowest_are_shown_in_full(slow: Trace) -> None:
    found = diagnose(slow)
    records = [replace(found, trace=f"rank{i}", step_ms=float(i)).to_json() for i in range(20)]
    chosen = worst_first(records)[:MAX_SECTIONS]
    assert [each["trace"] for each in chosen[:2]] == ["rank19", "rank18"]
    found = read(document("job", several(records, [(each["trace"], "") for each in chosen])))
    words = " ".join(found.words)
    assert "20 traces." in words
    assert "rank0" in words
    assert "The 16 slowest ones in full:" in words


def test_a_job_of_many_ranks_begins_with_its_headline(slow: Trace) -> None:
    one = diagnose(slow).to_json()
    ranks = [{**one, "trace": f"rank{i}"} for i in range(3)]
    job = {**one, "headline": "Rank 2 holds the others up.", "ranks": ranks}
    words = " ".join(read(document("job", several([job], [("rank2", "")]))).words)
    assert words.index("Rank 2 holds") < words.index("rank0") < words.index("rank2")
    assert [each["trace"] for each in worst_first([job])] == ["rank0", "rank1", "rank2"]


@pytest.mark.parametrize("path", sorted(SHARED.glob("*.gz")), ids=lambda path: path.name)
def test_real_traces_are_reported_small_and_well_formed(path: Path) -> None:
    markup = _report(load_trace(path))
    check_safe(read(markup))
    assert len(markup) < 400_000


def test_real_traces_are_there() -> None:
    if not SHARED.is_dir():
        pytest.skip("the real traces are not on this machine")
    assert any(SHARED.glob("*.gz"))
