"""The figures of an entry: where its traces come from, before and after, predicted and measured."""

from __future__ import annotations

import streamlit as st

from core import gallery
from core.compare import Promise
from core.gallery import Case, Entry
from core.ui.format import DASH, duration_ms, number, percent, plain
from core.ui.texts import t

KNOBS = (
    *("data_ms", "workers", "kernels", "kernel_us", "launch_us", "python_ms", "allocations"),
    *("communication_ms", "sync_every_step", "pinned", "overlap"),
)
"""Settings of the simulator that its page can change, in its order."""

_COLOUR = {"within": "green", "above": "green", "below": "orange"}


def origin(entry: Entry) -> None:
    """One line: recorded where and when, or simulated with what."""
    if entry.simulated is None:
        made = gallery.machine(entry)
        words = t(
            "gallery.origin.recorded", date=made.date, cpu=plain(made.cpu), cores=made.cores,
            torch=made.torch, python=made.python,
        )  # fmt: skip
        st.markdown(f":green-badge[{t('gallery.recorded')}] {words}")
    else:
        changes = ", ".join(_changes(entry))
        words = t("gallery.origin.simulated", changes=plain(changes))
        st.markdown(f":orange-badge[{t('gallery.simulated')}] {words}")


def _changes(entry: Entry) -> list[str]:
    """The settings in which the simulated runs before and after the fix differ."""
    before, after = entry.simulated or (None, None)
    names = [name for name in KNOBS if getattr(before, name) != getattr(after, name)]
    return [
        f"{t(f'simulator.{name}')} {_value(getattr(before, name))} → {_value(getattr(after, name))}"
        for name in names
    ]


def _value(value: float | bool) -> str:
    if isinstance(value, bool):
        return t("gallery.yes") if value else t("gallery.no")
    return f"{value:,g}"


def figures(case: Case) -> None:
    """Step time and share of it that trains, after the fix and before; speed-up, predicted too."""
    found, (before, after) = case.compared, case.compared.step_ms
    name = "device" if found.a.device_index is not None else "host"
    one, two = (percent(gallery.working_pct(each)) for each in (found.a, found.b))
    rows = (
        (t("compare.step"), t("gallery.step.help"), duration_ms(after), _was(duration_ms(before))),
        (t(f"gallery.working.{name}"), t(f"gallery.working.{name}.help"), two, _was(one)),
        (t("gallery.measured"), t("compare.speedup.help"), *_measured(case)),
        (t("gallery.predicted"), t("gallery.predicted.help"), *_predicted(case)),
    )
    grid = st.grid(len(rows), min_column_width=145, gap="small")
    for label, told, value, note in rows:
        grid.metric(
            label, value, note, delta_color="gray", delta_arrow="off", border=True,
            height="stretch", help=told,
        )  # fmt: skip


def _was(value: str) -> str:
    return t("gallery.was", value=value)


def _measured(case: Case) -> tuple[str, str]:
    """The speed-up, and its interval or why it has none."""
    speed = case.compared.speedup
    if speed is None:
        return DASH, ""
    if speed.low is None or speed.high is None:
        return _times(speed.value), speed.why_none
    interval = t("compare.interval", low=f"{speed.low:.2f}", high=f"{speed.high:.2f}")
    return _times(speed.value), interval


def summary(case: Case) -> str:
    """What the fix did to a step, in a sentence."""
    before, after = (duration_ms(each) for each in case.compared.step_ms)
    value, sure = _measured(case)
    return t("gallery.summary", before=before, after=after, times=value, sure=sure)


def left(case: Case) -> str:
    """The findings of the trace after the fix, "" where there are none."""
    found = [f"{plain(f.title)} ({f.severity})" for f in case.compared.b.findings]
    return t("gallery.left", findings="; ".join(found)) if found else ""


def _times(value: float) -> str:
    return t("compare.times", value=number(value))


def _predicted(case: Case) -> tuple[str, str | None]:
    """The speed-up that was predicted from the trace before the fix, and its range."""
    gain = case.finding.predicted_speedup if case.finding is not None else None
    if gain is None:
        return DASH, None
    between = t("gallery.between", low=number(gain.low), high=number(gain.high))
    return (_times(gain.expected), between) if gain.expected else (between, None)


def promises(case: Case) -> None:
    """Predicted against measured, for what the fix resolved; what it left of the killer."""
    for promise in case.compared.promises:
        st.markdown(_promise(promise))
    for change in case.compared.of_state("kept"):
        if change.finding.rule == case.entry.rule:
            words = t("compare.fromto", a=duration_ms(change.a_ms), b=duration_ms(change.b_ms))
            title = plain(change.finding.title)
            st.markdown(f":gray-badge[{t('compare.kept')}] **{title}** · {words}")


def _promise(promise: Promise) -> str:
    badge = f":{_COLOUR[promise.verdict]}-badge[{t(f'compare.{promise.verdict}')}]"
    return f"{badge} **{plain(promise.title)}** · {plain(promise.sentence)}"
