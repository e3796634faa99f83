"""A DataLoader tuning: what to use and how sure that is, every setting that was tried."""

from __future__ import annotations

import difflib
from statistics import median

from core import loader
from core.loader import Recommendation, Setting, SettingResult, Trials
from core.report.markup import badge, cards, count, cut, facts, ms, name, number, percent, tag, text

MIB = 2**20
MAX_SETTINGS, MAX_NOTES = 40, 12
"""Settings and notes shown; of the settings the fastest ones."""


def section(trials: Trials) -> str:
    """The answer first, then what it rests on."""
    found = loader.recommend(trials)
    results = sorted(loader.summarise(trials), key=lambda each: -_speed(each))
    parts = [_answer(trials, found), _change(found), _picture(trials, results, found)]
    parts.append(_off(trials))
    notes = [note for note in (trials.stopped, *trials.notes) if note][:MAX_NOTES]
    parts += [tag("p", text(cut(note)), "soft") for note in notes]
    measured = [
        ("Workload", trials.workload),
        ("Dataset", trials.dataset),
        ("Machine", trials.machine),
        ("Device", trials.device),
        ("Batch size", number(trials.batch_size)),
        ("Budget", f"{number(trials.budget_s)} s"),
        ("Trials", f"{len(trials.trials)} of {trials.planned} planned"),
    ]
    parts.append(facts((what, name(value)) for what, value in measured if value))
    return "".join(parts)


def _speed(result: SettingResult) -> float:
    return result.throughput.value if result.throughput is not None else 0.0


def _answer(trials: Trials, found: Recommendation) -> str:
    look = "good" if found.certain else "warning"
    going = "" if trials.finished else "Not finished: this is what is known so far. "
    parts = [tag("p", text(going + found.text), f"verdict {look}")]
    if found.best is None:
        return "".join(parts)
    tried = [t for t in trials.trials if t.setting == found.best and t.status == "ok"]
    guess = next((p for p in trials.predicted if p.setting == found.best), None)
    gain, last = found.speedup, tried[-1] if tried else None
    wait = None if last is None or last.wait_share is None else 100 * last.wait_share
    start = None if last is None or last.startup_s is None else 1e3 * last.startup_s
    figures = [
        ("Gain", "–" if gain is None else f"{gain.value:.2f} ×", _interval(gain)),
        ("Data wait", percent(wait), "of a step"),
        ("First batch after", ms(start), ""),
    ]
    if guess is not None:
        figures.append(("Shared memory", f"{number(guess.shared_bytes / MIB, 3)} MiB", "predicted"))
    return "".join([*parts, cards(figures)])


def _interval(gain: loader.Interval | None) -> str:
    if gain is None or gain.low == gain.high:
        return ""
    return f"95 % interval {gain.low:.2f} to {gain.high:.2f}"


def _change(found: Recommendation) -> str:
    """The call to copy, as the change of the one in use."""
    if found.best is None:
        return ""
    lines = difflib.unified_diff(
        found.baseline.call.splitlines(), found.best.call.splitlines(), n=20, lineterm=""
    )
    changed = "\n".join(list(lines)[3:]) or found.best.call
    return tag("h3", "What to change") + tag("pre", text(changed))


def _picture(trials: Trials, results: list[SettingResult], found: Recommendation) -> str:
    """Throughput of each setting with its interval, the fastest first."""
    predicted = {each.setting: each.samples_per_s for each in trials.predicted}
    most = max(
        (max(r.throughput.high, predicted.get(r.setting, 0.0)) for r in results if r.throughput),
        default=0.0,
    )
    if not results:
        return tag("p", "No setting has been measured yet.", "soft")
    rows = [
        _row(each, found, trials.baseline, predicted.get(each.setting), most)
        for each in results[:MAX_SETTINGS]
    ]
    legend = (
        '<span><i class="point"></i>measured, median of its rounds</span>'
        '<span><i class="whisker"></i>95 % interval</span>'
    )
    if any(each.setting in predicted for each in results):
        legend += '<span><i class="guess"></i>predicted</span>'
    return (
        tag("h3", "Settings tried")
        + tag("div", "".join(rows), "trials")
        + tag("p", legend, "legend")
    )


def _row(
    result: SettingResult,
    found: Recommendation,
    baseline: Setting,
    predicted: float | None,
    most: float,
) -> str:
    marks = badge("recommended", "good") if result.setting == found.best else ""
    marks += badge("in use now", "") if result.setting == baseline else ""
    title = tag("span", f"{text(cut(result.setting.label))} {marks}")
    speed = result.throughput
    if speed is None or most <= 0:
        told = result.reason or "no result"
        return tag("div", title + tag("em", text(cut(told)), "trouble"), "trial")
    low, high, value = (100 * each / most for each in (speed.low, speed.high, speed.value))
    drawn = f'<b class="whisker" style="left:{low:.2f}%;width:{max(high - low, 0.3):.2f}%"></b>'
    if predicted is not None:
        drawn += f'<b class="guess" style="left:{100 * predicted / most:.2f}%"></b>'
    drawn += f'<b class="point" style="left:{value:.2f}%"></b>'
    wait = "" if result.wait_share is None else f", {percent(100 * result.wait_share, 0)} data wait"
    told = (
        f"{number(speed.value, 3)} samples/s ({number(speed.low, 3)} to {number(speed.high, 3)}), "
        f"{count(result.rounds, 'round')}{wait}"
    )
    trouble = tag("em", text(cut(result.reason)), "trouble") if result.reason else ""
    return tag("div", title + tag("i", drawn) + tag("em", text(told)) + trouble, "trial")


def _off(trials: Trials) -> str:
    """How far predictions were off on what was measured after them."""
    errors = [abs(error) for _, error in loader.prediction_errors(trials)]
    if not errors:
        return ""
    told = (
        f"Predicted before it was measured: off by {percent(100 * median(errors), 0)} in the "
        f"middle, {percent(100 * max(errors), 0)} at most, over {count(len(errors), 'setting')}."
    )
    return tag("p", text(told), "soft")
