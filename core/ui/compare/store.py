"""What sessions share: what is known of runs, and comparisons of two of them."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from core import compare
from core.compare import Facts, Ladder, Member, RunComparison
from core.runs import JOB_FILE, Run, file_stamp
from core.ui import data

Stamp = tuple[tuple[str, int, int], ...]


def _stamp(run: Run) -> Stamp:
    return file_stamp((*run.event_files, *run.trace_files, run.path / JOB_FILE))


@st.cache_resource(max_entries=64, show_spinner=False)
def _facts(key: str, stamp: Stamp, _run: Run) -> Facts:
    return compare.gather(_run, data.diagnosis)


def facts(run: Run) -> Facts:
    """What is known of a run, read again where its files changed."""
    return _facts(run.key, _stamp(run), run)


@st.cache_resource(max_entries=8, show_spinner=False)
def _ladder(key: tuple[tuple[str, str, Stamp], ...], _members: list[Member], _facts) -> Ladder:
    return compare.make_ladder(_members, _facts)


def ladder(members: list[Member], known: Mapping[str, Facts]) -> Ladder:
    """The ladder of a family as far as it is known, shared between sessions."""
    key = tuple(
        (member.run.key, "" if member.parent is None else member.parent.key, _stamp(member.run))
        for member in members
        if member.run.key in known
    )
    return _ladder(key, members, known)


@st.cache_resource(max_entries=8, show_spinner="Comparing the runs …")
def _compared(keys: tuple[str, str], stamps: tuple[Stamp, Stamp], _a: Run, _b: Run):
    known = facts(_a), facts(_b)
    profile = None
    if all(each.diagnosis is not None for each in known):
        profile = data.comparison(*compare.chosen(_a, _b))
    return compare.compare_runs(_a, _b, profile, known)


def compared(a: Run, b: Run) -> RunComparison:
    """Two runs side by side, shared between sessions."""
    return _compared((a.key, b.key), (_stamp(a), _stamp(b)), a, b)
