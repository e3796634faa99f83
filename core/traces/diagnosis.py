"""One trace -> one answer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.traces.calltree import operators_of
from core.traces.case import Case, make_case
from core.traces.columns import Trace
from core.traces.headline import headline
from core.traces.idle import device_busy
from core.traces.labels import CAUSE_KEYS
from core.traces.notes import notes
from core.traces.records import DeviceUse, Diagnosis, Finding
from core.traces.rules.common import CRITICAL
from core.traces.rules.device import allocator_finding, communication_finding, copy_finding
from core.traces.rules.host import host_findings
from core.traces.rules.input import input_findings
from core.traces.rules.kernels import healthy_finding, kernel_findings
from core.traces.rules.launch import launch_findings, low_use_finding
from core.traces.rules.loops import loop_findings
from core.traces.rules.preparing import preparing_finding
from core.traces.rules.profile import (
    cold_start_finding,
    jitter_finding,
    overhead_finding,
    queue_finding,
)
from core.traces.rules.setup import memory_finding, parallel_findings
from core.traces.rules.sync import sync_findings
from core.traces.rules.transfers import transfer_findings
from core.traces.rules.waits import replayed_sync_finding
from core.traces.whatif import WhatIf, attach, prepare

CHUNKS = 30
"""Parts of the window whose utilisation is shown, as nsys' ``gpu_time_util`` does."""
HEALTHY = 0.5
"""A device that computes less than half of the window is never the limit (torch-tb-profiler)."""
TIE = 0.02
"""Causes this close (of the window) are equally large; the one with the more direct fix leads."""


def diagnose(trace: Trace, device: int | None = None) -> Diagnosis:
    """Say how busy the device is, why it idles, and what to change.

    Args:
        trace: a loaded trace.
        device: the device to diagnose; the busiest one where none is named.

    Raises:
        Unreadable: the trace spans no time.
    """
    case = make_case(trace, device)
    total = case.total_us
    totals = case.totals_us()
    ready = prepare(case)
    findings = _findings(case, ready)
    causes = {} if case.pieces is None else case.pieces.by_cause_us()
    idle_us = sum(causes.values())
    primary = _primary(case, causes, findings)
    if primary == "device-bound":
        findings += tuple(healthy_finding(case))
    step_ms = _step_ms(case)
    return Diagnosis(
        trace=trace.source,
        device=_device_name(trace, case.device),
        device_index=case.device,
        devices=tuple(_use(case, index) for index in trace.device_ids),
        window=case.window,
        step_ms=step_ms,
        device_busy_pct=None if case.device is None else 100 * case.busy.measure / total,
        idle_pct=None if case.device is None else 100 * idle_us / total,
        idle_by_cause={key: 100 * us / total for key, us in causes.items()},
        step_breakdown={key: 100 * us / total for key, us in totals.items()},
        findings=findings,
        primary=primary,
        headline=headline(case, totals, primary, findings, step_ms),
        notes=(*notes(case), *filter(None, [ready.refusal])),
        pieces=case.pieces,
        utilisation_pct=_utilisation(case),
        what_if=ready,
    )


def _findings(case: Case, ready: WhatIf) -> tuple[Finding, ...]:
    operators = operators_of(case.trace, case.window)
    found = [
        *input_findings(case),
        *preparing_finding(case),
        *sync_findings(case, operators),
        *copy_finding(case),
        *transfer_findings(case, operators),
        *allocator_finding(case),
        *memory_finding(case),
        *communication_finding(case),
        *parallel_findings(case),
        *launch_findings(case),
        *loop_findings(case, operators),
        *kernel_findings(case, operators),
        *cold_start_finding(case),
        *queue_finding(case),
        *overhead_finding(case),
        *jitter_finding(case),
        *host_findings(case),
    ]
    found += low_use_finding(case, found)
    # What cannot be saved (no prediction) comes after what can, whatever its share.
    found = attach(ready, found)
    found += replayed_sync_finding(case, ready, found)
    return tuple(sorted(found, key=lambda f: (f.predicted_speedup is None, -_saving(f))))


def _saving(finding: Finding) -> float:
    """Share of the window that a cure is expected to save, at most what the finding is charged.

    Without a wait for the device the host could also load its next batch meanwhile, but that time
    belongs to the DataLoader. Where nothing is expected, the charge alone.
    """
    gain = finding.predicted_speedup
    return (
        finding.share if gain is None or gain.expected is None else min(gain.saved, finding.share)
    )


def _primary(case: Case, causes: dict[str, float], findings: tuple[Finding, ...]) -> str:
    """The one-word answer (design.md, Primary).

    The largest cause, where exposed communication and exposed copies count as ``communication`` and
    ``copy-wait``; but ``device-bound`` where the device computes for at least half of the window
    and no cause reaches 20 % of it.
    """
    if case.device is None:
        return "no-device"
    if any(f.rule == "Q1" for f in findings):
        return "cold-start"
    costs = dict(causes)
    costs["communication"] += case.communication.measure
    costs["copy-wait"] += case.copies.measure
    largest = max(costs.values())
    if case.compute.measure >= HEALTHY * case.total_us and largest < CRITICAL * case.total_us:
        return "device-bound"
    close = largest - TIE * case.total_us
    return next(key for key in CAUSE_KEYS if costs[key] >= close)


def _device_name(trace: Trace, device: int | None) -> str:
    if device is None:
        return "cpu"
    return f"cuda:{device} {trace.devices.get(device, '')}".strip()


def _use(case: Case, index: int) -> DeviceUse:
    trace, window = case.trace, case.window
    busy = case.busy if index == case.device else device_busy(trace, window, index)
    return DeviceUse(index, trace.devices.get(index, ""), 100 * busy.measure / window.length_us)


def _step_ms(case: Case) -> float | None:
    window = case.window
    if not window.steps:
        return None
    return float(np.median(window.step_end - window.step_start)) / 1e3


def _utilisation(case: Case) -> NDArray[np.float64]:
    """% of each of the equal chunks of the window: busy device, or working main thread."""
    edges = np.linspace(case.window.start_us, case.window.end_us, CHUNKS + 1)
    if case.device is not None:
        busy = case.busy.within(edges[:-1], edges[1:])
    else:
        parts = case.breakdown_us(edges[:-1], edges[1:])
        busy = parts.sum(axis=1) - parts[:, case.keys.index("input-wait")]
    width = np.diff(edges)  # 0 where a chunk is shorter than its time stamps resolve
    return 100 * np.divide(busy, width, out=np.zeros(CHUNKS), where=width > 0)
