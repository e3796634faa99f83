"""Two runs side by side: the answer, its figures, what changed, and all that it rests on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from core import compare
from core.charts import overlaid
from core.compare import Facts, RunComparison
from core.compare.learning import BETTER, WORSE
from core.runs import Run
from core.ui import data, draw, nav
from core.ui.compare import profile, store
from core.ui.format import DASH, duration_ms, number, percent, plain, signed
from core.ui.texts import t

_NAMES = ("A", "B")
_CARD: dict[str, Any] = {"border": True, "height": "stretch", "delta_color": "gray"}


def show(a: Run, b: Run) -> None:
    """All about two runs; each part stands there only where there is something to tell."""
    found = store.compared(a, b)
    _answer(found)
    _figures(found)
    purpose = compare.purpose(*found.facts)
    if purpose:
        st.markdown(t("pair.purpose", title=plain(purpose)))
    profile.promises(found.promises)
    for note in found.notes:
        st.caption(f":material/info: {plain(note)}")
    _changed(found)
    _losses(found, b)
    _steps(found)
    if found.profile is not None:
        profile.parts(found.profile)
        profile.findings(found.profile)
        profile.tables(found.profile)
    _further(a, b)


def alone(b: Run) -> None:
    """A run without one before it: what it was promised against the steps it started from."""
    told = compare.judged_alone(store.facts(data.look_again(b)))
    if told is None:
        st.info(t("pair.choose"), icon=":material/compare_arrows:")
        return
    st.info(t("pair.gone"), icon=":material/info:")
    profile.promises([told])


def _answer(found: RunComparison) -> None:
    speed, words = found.speedup, plain(found.answer)
    slower = speed is not None and speed.certain and speed.value < 1
    faster = speed is not None and speed.certain and speed.value > 1
    missed = bool(found.promises) and found.promises[0].verdict == "below"
    worse = any(change.word == WORSE for change in found.losses)
    better = any(change.word == BETTER for change in found.losses)
    if slower:
        st.error(words)
    elif worse or missed:
        st.warning(words)
    elif faster or better:
        st.success(words)
    else:
        st.info(words)


def _figures(found: RunComparison) -> None:
    """Speed-up, step, utilisation, best validation loss, gap; below each what changed."""
    card = partial(st.grid(5, min_column_width=145, gap="small").metric, **_CARD)
    speed, steps = found.speedup, found.step_ms
    told = speed is not None and speed.certain
    card(
        t("compare.speedup"),
        DASH if speed is None else t("compare.times", value=f"{speed.value:.2f}"),
        profile.interval(speed), delta_arrow="off", help=t("pair.speedup.help"),
    )  # fmt: skip
    change = None
    if steps is not None and steps[0] != steps[1]:
        change = profile.delta(steps[1] - steps[0], duration_ms(abs(steps[1] - steps[0])))
    card(
        t("compare.step"), duration_ms(None if steps is None else steps[1]), change,
        delta_color="inverse" if told else "gray", help=t("pair.step.help"),
    )  # fmt: skip
    label, (one, two) = _use(*found.facts)
    change = None
    if one is not None and two is not None:
        change = profile.delta(two - one, t("compare.points", value=f"{abs(two - one):.1f}"))
    # A busy processor is good or bad by what it does; a busy device is what it is there for.
    sense = "normal" if told and label == t("bottlenecks.busy") else "gray"
    card(label, percent(two, 1), change, delta_color=sense)
    _best(found, card)
    _gap(found, card)


def _best(found: RunComparison, card: Callable[..., object]) -> None:
    best = next((each for each in found.losses if each.split == "validation"), None)
    if best is None:
        verdict = found.verdicts[1]
        value = None if verdict is None else verdict.best_value
        card(t("header.best", what="loss"), number(value))
        return
    change = profile.delta(best.b - best.a, number(abs(best.b - best.a)))
    sense = "inverse" if best.word in (BETTER, WORSE) else "gray"
    card(t("header.best", what=best.quantity), number(best.b), change, delta_color=sense)


def _gap(found: RunComparison, card: Callable[..., object]) -> None:
    """The train/val gap at the end of B, and how far that of A was from it in the same quantity."""
    one, two = (None if verdict is None else verdict.last_gap for verdict in found.verdicts)
    change = None
    if found.losses and one is not None and two is not None and one != two:
        change = profile.delta(two - one, number(abs(two - one)))
    card(t("header.gap"), signed(two), change, help=t("header.gap.help"))


def _use(a: Facts, b: Facts) -> tuple[str, tuple[float | None, float | None]]:
    """The device where either has one, else the processor."""
    if a.use.device_pct is None and b.use.device_pct is None:
        return t("pair.cpu"), (a.use.cpu_pct, b.use.cpu_pct)
    return t("bottlenecks.busy"), (a.use.device_pct, b.use.device_pct)


def _changed(found: RunComparison) -> None:
    """Parameters and hardware that differ."""
    left, right = st.columns(2, gap="large")
    for column, rows, name in ((left, found.params, "params"), (right, found.machine, "machine")):
        with column:
            st.subheader(t(f"pair.{name}"))
            if not rows:
                st.markdown(t(f"pair.{name}.same"))
                continue
            cells = [(plain(name), plain(one), plain(two)) for name, one, two in rows]
            heads = (t(f"pair.{name}.name"), *_NAMES)
            st.table(pd.DataFrame(cells, columns=list(heads)), hide_index=True)


def _losses(found: RunComparison, b: Run) -> None:
    """The verdict on each run, and their curves over each other."""
    if found.verdicts == (None, None):
        st.caption(t("pair.noloss"))
        return
    st.subheader(t("pair.losses"))
    unit = data.step_name(b)
    for column, name, verdict in zip(st.columns(2), _NAMES, found.verdicts, strict=True):
        with column:
            if verdict is None:
                st.markdown(t("pair.noloss.one", name=name))
                continue
            word, told = t(f"verdict.{verdict.verdict}"), data.in_unit(verdict.summary, unit)
            st.markdown(f"**{name}: {word}.** {plain(told)}")
    known = {name: v for name, v in zip(_NAMES, found.verdicts, strict=True) if v is not None}
    if len({verdict.pair.negated for verdict in known.values()}) > 1:
        st.caption(t("pair.unlike"))
        return
    log_y = st.toggle(t("dynamics.log"), key="logy", bind="query-params")
    draw.chart(
        overlaid.curves_chart(known, step_name=unit, log_y=log_y), alt=t("pair.losses.alt"),
        key="losses",
    )  # fmt: skip
    st.caption(t("pair.losses.help"))


def _steps(found: RunComparison) -> None:
    """Every step of both, and the intervals of their means."""
    known = {
        name: facts.step_times for name, facts in zip(_NAMES, found.facts, strict=True)
        if facts.step_times is not None
    }  # fmt: skip
    if not known:
        return
    st.subheader(t("pair.steps"))
    times = {name: each[1] for name, each in known.items()}
    sure = {name: compare.mean_interval(values) for name, values in times.items()}
    draw.chart(overlaid.steps_chart(times, sure), alt=t("pair.steps.alt"), key="steps")
    for name, (by, values) in known.items():
        ends = sure[name]
        words = {"name": name, "mean": duration_ms(float(values.mean())), "count": len(values)}
        source = t("pair.by.profile") if by == compare.PROFILE else t("pair.by.tag", tag=plain(by))
        if ends is None:
            st.caption(t("pair.step.one", **words, source=source))
        else:
            low, high = (duration_ms(end) for end in ends)
            st.caption(t("pair.step.line", **words, low=low, high=high, source=source))


def _further(a: Run, b: Run) -> None:
    """The way to the pages of either run."""
    with st.container(horizontal=True):
        for name, run in zip(_NAMES, (a, b), strict=True):
            profiled = run.kind == "profile" or not run.event_files
            words = t("pair.open", name=name, run=plain(run.key))
            if st.button(
                words, key=f"open{name}", icon=":material/arrow_forward:", type="tertiary"
            ):
                nav.go("bottlenecks" if profiled else "dynamics", run=run.key)
