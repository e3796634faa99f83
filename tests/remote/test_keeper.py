"""Looking at remote folders in the background: pages do not wait, changes are counted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from core.remote import Keeper, Status
from core.remote.source import Listing, Source


def _until(met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_fast_first_look_is_over_at_once(memory: Any) -> None:
    memory.put("net/tfevents", b"e")
    (status,) = Keeper().look([memory.url])
    assert status == Status(memory.url, fetching=False, problems=(), changes=1)


def test_a_slow_first_look_is_not_waited_for(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.put("net/tfevents", b"e")
    go, listing = threading.Event(), Source.listing

    def slow(self: Source) -> Listing:
        go.wait(20)
        return listing(self)

    monkeypatch.setattr(Source, "listing", slow)
    keeper = Keeper()
    began = time.monotonic()
    (status,) = keeper.look([memory.url], wait_s=0.2)
    (again,) = keeper.look([memory.url], wait_s=10)
    assert 0.15 < time.monotonic() - began < 5
    assert status.fetching
    assert again.fetching
    go.set()
    _until(lambda: not keeper.look([memory.url])[0].fetching)


def test_looks_are_apart_and_only_changes_count(memory: Any) -> None:
    memory.put("net/tfevents", b"e")
    keeper = Keeper(every_s=0.2)
    keeper.look([memory.url])
    memory.put("net/tfevents", b"ee")
    assert keeper.look([memory.url])[0].changes == 1
    _until(lambda: keeper.look([memory.url])[0].changes == 2)
    time.sleep(0.5)
    assert keeper.look([memory.url])[0].changes == 2


def test_a_problem_is_told_and_goes_away(memory: Any) -> None:
    keeper = Keeper(every_s=0.0)
    (status,) = keeper.look([memory.url])
    assert "There is nothing at" in status.problems[0]
    memory.put("net/tfevents", b"e")
    _until(lambda: not keeper.look([memory.url])[0].problems)
