"""Every entry of the gallery is a test: its trace shows its killer, its fix removes it."""

from __future__ import annotations

import ast
import gzip
import re
from datetime import date
from pathlib import Path

import msgspec
import pytest

from core import gallery, workloads
from core.errors import NotFound
from core.gallery import ENTRIES
from core.gallery.scripts import digest
from core.traces import load_trace

ROOT = Path(__file__).parents[2]
RECORDED = [entry for entry in ENTRIES if entry.simulated is None]
STEPS, MAX_BYTES = 5, 150_000
STAYS = {"bare-communication"}
"""The last bucket of gradients has no computing left to hide behind: the fix leaves part of it."""

each = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.key)
each_recorded = pytest.mark.parametrize("entry", RECORDED, ids=lambda entry: entry.key)


@each
def test_the_code_compiles_and_marks_what_costs_time(entry) -> None:
    before, after = (gallery.code(entry.key, side) for side in ("before", "after"))
    for text in (before, after):
        names = [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
        assert "train" in names
    assert "# ← killer" in before
    assert "killer" not in after


@each
def test_the_fix_is_a_small_difference_without_marks(entry) -> None:
    lines = gallery.diff(entry.key).splitlines()
    assert any(line.startswith(("-", "+")) for line in lines[2:])
    assert "killer" not in "\n".join(lines)
    assert len(lines) < 60


@each
def test_the_trace_before_shows_the_killer_first(entry, case_of) -> None:
    found = case_of(entry).compared.a
    assert found.findings[0].rule == entry.rule
    assert found.findings[0].severity != "note"
    assert found.findings[0].predicted_speedup is not None
    assert case_of(entry).finding is found.findings[0]


@each
def test_the_fix_removes_it_and_the_step_becomes_shorter(entry, case_of) -> None:
    case = case_of(entry)
    left = [f for f in case.compared.b.findings if f.rule == entry.rule]
    if entry.key in STAYS:
        assert left[0].cost_ms < 0.5 * case.finding.cost_ms
    else:
        assert left == []
    speed = case.compared.speedup
    assert speed.value > 1.1
    assert speed.value == pytest.approx(case.compared.step_ms[0] / case.compared.step_ms[1])
    # A simulated run does not scatter: it has no interval, and none is shown.
    assert speed.certain if entry.simulated is None else speed.low is None
    assert "No difference" not in case.compared.summary


@each
def test_what_was_predicted_is_held_against_what_was_measured(entry, case_of) -> None:
    case = case_of(entry)
    if entry.key in STAYS:
        assert [change.finding.rule for change in case.compared.of_state("kept")] == [entry.rule]
        return
    promise = next(p for p in case.compared.promises if entry.rule in p.rules)
    assert promise.measured == pytest.approx(case.compared.speedup.value)
    if entry.simulated is not None:
        assert promise.verdict == "within"


@pytest.mark.parametrize("entry", [e for e in ENTRIES if e.simulated], ids=lambda entry: entry.key)
def test_a_simulated_device_is_busier_after_the_fix_and_said_to_be_simulated(
    entry, case_of
) -> None:
    found = case_of(entry).compared
    assert "Simulated GPU" in found.a.device
    assert gallery.working_pct(found.b) == found.b.device_busy_pct
    if entry.key not in STAYS:  # a device that communicates is busy
        assert found.b.device_busy_pct > found.a.device_busy_pct
    assert not entry.recording("before").exists()
    with pytest.raises(NotFound):
        gallery.machine(entry)


@each
def test_both_excerpts_are_of_one_length_and_show_the_worst_case(entry, case_of) -> None:
    case = case_of(entry)
    (low, high), (later, end) = gallery.excerpts(case)
    assert high - low == pytest.approx(end - later)
    for (start, stop), found in (((low, high), case.compared.a), ((later, end), case.compared.b)):
        assert found.window.start_us <= start + 1e-3
        assert stop - 1e-3 <= found.window.end_us
    assert low <= case.finding.ranges_us[0][0] < high


@each_recorded
@pytest.mark.parametrize("side", ["before", "after"])
def test_a_recording_is_the_profilers_own_and_names_the_script(entry, side) -> None:
    file = entry.recording(side)
    assert file.stat().st_size < MAX_BYTES
    text = gzip.decompress(file.read_bytes())
    content = msgspec.json.decode(text)
    assert {"schemaVersion", "baseTimeNanoseconds", "with_stack", "traceEvents"} <= set(content)
    names = [event.get("name", "") for event in content["traceEvents"]]
    assert sum(name.startswith("ProfilerStep#") for name in names) == STEPS
    assert any(re.fullmatch(r"train\.py\(\d+\): train", name) for name in names)
    assert b"host_name" not in text
    assert not re.search(rb"/(home|root|tmp|work|usr|Users)/", text)


@each_recorded
def test_a_recording_says_where_when_and_of_what_it_was_made(entry) -> None:
    made = gallery.machine(entry)
    assert made.code == digest(entry.key)
    assert date.fromisoformat(made.date) <= date.today()
    assert made.cores > 0
    assert made.cpu
    assert re.match(r"\d+\.\d+", made.torch)


@each_recorded
def test_a_recording_has_no_device_but_the_users_line(entry, case_of) -> None:
    case = case_of(entry)
    assert case.compared.a.device_index is None
    said = " ".join([case.finding.where, *case.finding.evidence])
    assert "train.py(" in said
    assert 0 < gallery.working_pct(case.compared.a) <= 100


def test_every_rule_of_an_entry_is_documented_and_leads_back_to_it() -> None:
    documented = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    assert len({entry.key for entry in ENTRIES}) == len(ENTRIES)
    for entry in ENTRIES:
        assert f"| {entry.rule} |" in documented
        assert gallery.for_rule(entry.rule) is entry
    assert gallery.for_rule("S2") is gallery.get("implicit-sync")
    assert gallery.for_rule("K2") is None


def test_an_unknown_entry_is_one_line() -> None:
    with pytest.raises(NotFound, match="no-workers"):
        gallery.get("nothing")


@pytest.mark.parametrize("entry", [e for e in ENTRIES if e.trial], ids=lambda entry: entry.key)
def test_what_is_offered_to_try_can_be_launched(entry) -> None:
    params = workloads.validate(entry.trial.workload, entry.trial.params, "profile")
    assert {name: params[name] for name in entry.trial.params} == dict(entry.trial.params)


def test_a_damaged_recording_is_an_error_not_a_crash(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("core.gallery.entries.RECORDINGS", tmp_path)
    entry = gallery.get("no-workers")
    with pytest.raises(NotFound):
        gallery.load(entry)
    assert load_trace(ROOT / "core/gallery/recordings/no-workers.before.pt.trace.json.gz")
