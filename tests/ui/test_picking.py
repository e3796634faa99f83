"""Ticks of the runs table against what a late browser still sends."""

from __future__ import annotations

import pytest

from core.ui.explore import picking


@pytest.fixture
def state(monkeypatch):
    """The session's state, on a page that looks again by itself."""
    made = {"_rows": ["a", "b", "c"], "compare": ["a"], picking.TICKING: True}
    monkeypatch.setattr(picking.st, "session_state", made)
    return made


def _tick(state, rows: list[int]) -> None:
    state["table"] = {"selection": {"rows": rows}}
    picking._take_selection()


def test_a_look_with_the_chooser_of_before_does_not_undo_a_tick(state):
    _tick(state, [0, 1])
    state["compare"] = ["a"]
    picking._hold_ticks()
    assert state["compare"] == ["a", "b"]


def test_a_second_tick_builds_on_the_first_though_the_browser_has_heard_of_neither(state):
    state["compare"] = ["a", "elsewhere"]
    _tick(state, [0, 1])
    state["compare"] = ["a", "elsewhere"]
    _tick(state, [1])
    assert state["compare"] == ["elsewhere", "b"]
    state["compare"] = ["a", "elsewhere"]
    picking._hold_ticks()
    assert state["compare"] == ["elsewhere", "b"]


def test_what_is_chosen_otherwise_stays(state):
    _tick(state, [0, 1])
    state["compare"] = ["c"]
    picking._hold_ticks()
    assert state["compare"] == ["c"]


def test_later_the_chooser_is_believed_again(state, monkeypatch):
    _tick(state, [0, 1])
    later = picking.time.monotonic() + picking.UNHEARD_S + 1
    monkeypatch.setattr(picking.time, "monotonic", lambda: later)
    state["compare"] = ["a"]
    picking._hold_ticks()
    assert state["compare"] == ["a"]
