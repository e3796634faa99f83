"""The diagnosis of one trace as a section of a report."""

from __future__ import annotations

from core import traces
from core.report import pictures
from core.report.markup import badge, bars, cards, count, ms, name, percent, table, tag, text
from core.traces import ACTIVITIES, Diagnosis, Finding, Lanes, Trace

TOP = 15
"""Rows of the tables."""
_SHOWN_PCT = 0.05


def section(trace: Trace, found: Diagnosis, lanes: Lanes | None = None) -> str:
    """Utilisation and verdict, step, findings, the worst instance, tables.

    Args:
        trace: the loaded trace.
        found: its diagnosis.
        lanes: its timeline where that is at hand.
    """
    around, mark, words = pictures.worst(found)
    picture = pictures.timeline(lanes or traces.build_lanes(trace), around, mark, words)
    parts = [
        _figures(found),
        _verdict(found),
        "".join(tag("p", text(note), "soft") for note in found.notes),
        tag("h3", f"Where the time of a {'step' if found.steps else 'window'} goes"),
        _breakdown(found),
        _idle(found),
        tag("h3", f"{_what(found)} over time"),
        pictures.utilisation(found),
        tag("p", f"0 to 100 %, over {text(ms(found.window_ms))}.", "soft"),
        tag("h3", "Findings"),
        "".join(_finding(each, found.steps) for each in found.findings)
        or tag("p", "Nothing to mend."),
    ]
    if picture:
        parts += [tag("h3", "Timeline"), tag("p", text(words)), picture]
    return "".join([*parts, *_tables(trace)])


def _what(found: Diagnosis) -> str:
    return "Device busy" if found.device_index is not None else "Main thread at work"


def _figures(found: Diagnosis) -> str:
    busy = "no device" if found.device_busy_pct is None else percent(found.device_busy_pct)
    boxes = cards([
        ("Device busy", busy, ""),
        ("Step time", ms(found.step_ms), ""),
        ("Input wait", percent(found.step_breakdown.get("input-wait", 0.0)), ""),
        ("Main cause", traces.title(found.primary), ""),
    ])  # fmt: skip
    steps = count(found.steps, "profiled step")
    scope = f"{name(found.device)} · {steps} · window of {text(ms(found.window_ms))}"
    return boxes + tag("p", scope, "soft")


def _verdict(found: Diagnosis) -> str:
    severity = found.findings[0].severity if found.findings else "good"
    return tag("p", text(found.headline), f"verdict {severity}")


def _breakdown(found: Diagnosis) -> str:
    per_step = found.breakdown_ms
    shown = sorted(
        (key for key, share in found.step_breakdown.items() if share >= _SHOWN_PCT),
        key=lambda key: -per_step[key],
    )
    return bars(
        (
            ACTIVITIES[key].title,
            per_step[key],
            ACTIVITIES[key].colour,
            f"{ms(per_step[key])} · {percent(found.step_breakdown[key])}",
        )
        for key in shown
    )


def _idle(found: Diagnosis) -> str:
    """Why the device idles, the largest cause first; "" without a device or without idle time."""
    if not found.idle_pct or found.idle_pct < _SHOWN_PCT:
        return ""
    causes = sorted(found.idle_by_cause.items(), key=lambda item: -item[1])
    told = ", ".join(f"{traces.title(key)} {percent(v)}" for key, v in causes if v >= _SHOWN_PCT)
    return tag("p", text(f"The device idles for {percent(found.idle_pct)} of the time: {told}."))


def _finding(finding: Finding, steps: int) -> str:
    per = " a step" if steps else ""
    cost = f"costs {ms(finding.cost_ms)}{per}, {percent(100 * finding.share)} of the time"
    lines = "".join(tag("li", text(line)) for line in (finding.where, *finding.evidence) if line)
    parts = [
        f"<h4>{badge(finding.severity, finding.severity)} {text(finding.title)}</h4>",
        tag("p", text(cost), "cost") if finding.cost_ms else "",
        tag("ul", lines),
        f"<p><strong>Fix:</strong> {text(finding.fix.text)}</p>",
    ]
    if finding.fix.snippet:
        parts.append(tag("pre", text(finding.fix.snippet)))
    gain = finding.predicted_speedup
    if gain is not None:
        likely = f", {gain.expected:.2f} expected" if gain.expected is not None else ""
        parts.append(
            tag(
                "p",
                f"<strong>Predicted:</strong> {gain.low:.2f} to {gain.high:.2f} times as fast"
                f"{likely}. {text(gain.assumption)}",
            )
        )
    return tag("article", "".join(parts), finding.severity)


def _tables(trace: Trace) -> list[str]:
    parts = []
    operators = traces.operators(trace).head(TOP)
    if len(operators):
        on_device = bool(trace.device_ids)
        head = ["Operator", "Calls", "Own CPU time", *(["Device time"] if on_device else [])]
        rows = [
            [name(row["name"]), f"{row['calls']:,}", ms(row["self_cpu_ms"]),
             *([ms(row["device_ms"])] if on_device else [])]
            for row in operators.to_dict("records")
        ]  # fmt: skip
        parts += [tag("h3", "Operators"), table(head, rows)]
    kernels = traces.kernels(trace).head(TOP)
    if len(kernels):
        rows = [
            [name(row["name"]), f"{row['calls']:,}", ms(row["total_ms"]),
             ms(row["mean_us"] / 1e3), percent(row["device_pct"])]
            for row in kernels.to_dict("records")
        ]  # fmt: skip
        head = ["Kernel or copy", "Calls", "Total", "Mean", "Of device time"]
        parts += [tag("h3", "Device work"), table(head, rows)]
    return parts
