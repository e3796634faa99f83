"""What is told of a verdict in words and tables: itself, its evidence, what to do, as files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pandas as pd
import streamlit as st

from core import dynamics
from core.charts import picture
from core.dynamics import Hindsight, LossPair, StopRow, Verdict, export
from core.runs import Run
from core.ui import data, forms
from core.ui.format import DASH, certainty, number, percent, plain, signed
from core.ui.texts import t

_ORDER = ("fail", "warning", "ok", "unknown")
_STATUS_ICON = {
    "ok": ":material/check_circle:",
    "warning": ":material/warning:",
    "fail": ":material/error:",
    "unknown": ":material/help:",
}
_ALERT = {
    "overfitting": st.error,
    "diverged": st.error,
    "not-learning": st.error,
    "underfitting": st.info,
    "optimal": st.success,
    "no-validation": st.info,
    "too-short": st.info,
}


def verdict_box(verdict: Verdict, unit: str) -> None:
    """The verdict, how sure it is, its evidence, and how much the loss swings."""
    title = t(f"verdict.{verdict.verdict}")
    sure = dynamics.confidence_level(verdict.verdict, verdict.confidence)
    if sure is not None:
        title += " · " + t(f"sure.{sure}", share=certainty(verdict.confidence))
    noise = dynamics.noise_level(verdict)
    swings = ""
    if noise is not None:
        what = verdict.pair.quantity
        swings = " " + t(f"noise.{noise}", value=number(verdict.noise, 2), what=what)
    text = plain(data.in_unit(verdict.summary, unit)) + swings
    _ALERT.get(verdict.verdict, st.warning)(text, title=title)


def then(past: Hindsight, unit: str, step: int) -> None:
    """What would have been said at the slider, where that is not the end."""
    sure = dynamics.confidence_level(past.verdict, past.confidence)
    word = t(f"verdict.{past.verdict}")
    if sure is not None:
        word += " · " + t(f"sure.{sure}", share=certainty(past.confidence))
    line = t("dynamics.then", unit=unit.lower(), step=f"{step:,}", verdict=word)
    if past.stop:
        line += " " + t("dynamics.then.stop")
    st.markdown(f"{line} {plain(data.in_unit(past.summary, unit))}")


def figures(verdict: Verdict, pair: LossPair, step: int, unit: str) -> None:
    """Train, validation and gap where the slider stands, and the zone it stands in."""
    train = pair.train.at(step) if pair.train is not None else None
    val = pair.val.at(step) if pair.val is not None else None
    zone = _zone_at(verdict, step)
    with st.grid(5, min_column_width=120, gap="small"):
        st.metric(unit, f"{step:,}", border=True)
        st.metric(t("dynamics.zone"), t(f"phase.{zone}") if zone else DASH, border=True)
        for name, value in (("train", train), ("val", val)):
            st.metric(
                t(f"dynamics.{name}", what=pair.quantity), number(value), pair.formula or None,
                delta_color="gray", delta_arrow="off", border=True,
            )  # fmt: skip
        gap = val - train if val is not None and train is not None else None
        st.metric(t("dynamics.gap"), signed(gap), border=True)


def _zone_at(verdict: Verdict, step: int) -> str | None:
    """The phase at a step, or "diverged" from where the run was lost."""
    if verdict.diverged_step is not None and step >= verdict.diverged_step:
        return "diverged"
    return verdict.phase_at(step)


def checkpoint(run: Run, verdict: Verdict, unit: str) -> None:
    """Which epochs are as good as the best, and the file to keep where the run wrote one."""
    if verdict.best_step is None:
        return
    lines = []
    if verdict.best_band is not None and verdict.best_band[1] > verdict.best_band[0]:
        low, high = (f"{each:,}" for each in verdict.best_band)
        lines.append(t("dynamics.band", unit=unit.lower(), low=low, high=high))
    best = run.path / "checkpoints" / "best.pt"
    if best.is_file():
        step = verdict.best_step
        lines.append(t("dynamics.checkpoint", unit=unit.lower(), step=step, path=best))
    if lines:
        st.markdown("  \n".join(lines))


def stops_table(rows: tuple[StopRow, ...], unit: str, what: str) -> None:
    """Each rule: where it stops, what it keeps, what that costs."""
    names = ("rule", "stop", "kept", "loss", "over", "saved")
    cells = [
        (
            row.rule,
            t("rules.never") if row.step is None else f"{row.step:,}",
            f"{row.kept_step:,}",
            number(row.kept_value, 4),
            percent(100 * row.over, 1),
            percent(100 * row.saved),
        )
        for row in rows
    ]
    heads = [t(f"rules.{name}", unit=unit.lower(), what=what) for name in names]
    st.dataframe(
        pd.DataFrame(cells, columns=heads), hide_index=True, width="stretch", height="content",
        alt=t("dynamics.rules"),
    )  # fmt: skip
    st.caption(t("rules.note"))


def advice(run: Run | None, verdict: Verdict, unit: str) -> None:
    """What to do, each with a button that relaunches with it where the run is ours."""
    st.subheader(t("dynamics.todo"))
    with st.grid(3, min_column_width=260):
        for index, each in enumerate(verdict.advice):
            with st.container(border=True):
                st.markdown(f"**{plain(data.in_unit(each.title, unit))}**")
                st.markdown(plain(data.in_unit(each.text, unit)))
                if each.overrides:
                    st.markdown(" ".join(f"`{k} = {v}`" for k, v in each.overrides.items()))
                    _relaunch(run, each, index)


def _relaunch(run: Run | None, each: dynamics.Advice, index: int) -> None:
    job = data.job_of(run) if run is not None else None
    if job is None:
        return
    params = job.params
    known = {k: v for k, v in each.overrides.items() if k in params and v != params[k]}
    if known and st.button(t("dynamics.relaunch"), key=f"relaunch{index}"):
        words = ", ".join(f"{k} = {v}" for k, v in known.items())
        why = t("dynamics.relaunch.why", id=job.id, change=words)
        forms.prefill("train", job.workload, {**params, **known}, job.id, why)


def checks(verdict: Verdict) -> None:
    """All checks, the failed ones first, with their evidence; open where one has failed."""
    count = Counter(check.status for check in verdict.checks)
    words = [t(f"checks.{status}", n=count[status]) for status in _ORDER if count[status]]
    open_ = bool(count["fail"] or count["warning"])
    with st.expander(t("dynamics.checks", summary=", ".join(words)), expanded=open_):
        ordered = sorted(verdict.checks, key=lambda check: _ORDER.index(check.status))
        rows = {
            t("checks.status"): [
                f"{_STATUS_ICON[c.status]} {t(f'checks.word.{c.status}')}" for c in ordered
            ],
            t("checks.name"): [plain(c.name) for c in ordered],
            t("checks.evidence"): [f"{plain(c.detail)} {plain(c.action)}".strip() for c in ordered],
        }
        st.table(pd.DataFrame(rows), hide_index=True)


def downloads(verdict: Verdict, charts: Callable[[], list[dict]], name: str) -> None:
    """The picture and the verdict as files, made only when asked for."""
    title = f"{verdict.run}: {t(f'verdict.{verdict.verdict}')}"
    stem = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)[-80:] or "run"
    makers: dict[str, tuple[str, Callable[[], bytes]]] = {
        "png": ("image/png", lambda: picture.render(charts(), title, "png")),
        "svg": ("image/svg+xml", lambda: picture.render(charts(), title, "svg")),
        "json": ("application/json", lambda: export.as_json(verdict)),
        "csv": ("text/csv", lambda: export.as_csv([verdict])),
    }
    with st.popover(t("dynamics.export"), icon=":material/download:"):
        for form, (mime, make) in makers.items():
            st.download_button(
                t(f"export.{form}"), make, file_name=f"{stem}.{form}", mime=mime,
                key=f"export.{form}", on_click="ignore", width="stretch",
            )  # fmt: skip
