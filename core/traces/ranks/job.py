"""A folder of traces -> the diagnosis of the job whose ranks they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from core.errors import BadInput, Unreadable
from core.traces.loading import find_traces
from core.traces.ranks.captures import Capture, RankFile, sort_traces
from core.traces.ranks.pool import read_all
from core.traces.ranks.records import PARTS, JobDiagnosis, RankReport
from core.traces.ranks.summary import RankSummary
from core.traces.ranks.verdict import (
    find_straggler,
    imbalance_finding,
    job_headline,
    job_primary,
    slowest,
    straggler_finding,
)
from core.traces.ranks.waits import Waits, waits_of
from core.traces.rules.common import milliseconds

_FEW_STEPS = 3


def diagnose_ranks(path: Path | str) -> JobDiagnosis:
    """Diagnose the job whose ranks a folder holds; its last step window where there are several.

    Args:
        path: the folder.

    Raises:
        NotFound: the folder does not exist, or holds no trace.
        BadInput: its traces are not ranks of one job.
        Unreadable: none of the ranks can be read.
    """
    root = Path(path)
    files = find_traces(root)
    found = sort_traces(files, root)
    if not found.captures:
        raise BadInput(not_a_job(len(files)))
    return diagnose_capture(found.captures[-1])


def not_a_job(count: int) -> str:
    """Why the traces of a folder are not compared."""
    if count == 1:
        return "Only one trace is here, so there are no ranks to compare."
    return (
        f"These {count} traces are not ranks of one job: they do not say which rank of a common "
        "job they are. Each is diagnosed alone."
    )


def diagnose_capture(capture: Capture) -> JobDiagnosis:
    """Diagnose one step window of a job; ranks that cannot be read cost a line each.

    Raises:
        Unreadable: none of the ranks can be read.
    """
    read, problems = _read(capture)
    base = min(summary.zero_ns for _, summary in read)
    zero_us = [(summary.zero_ns - base) / 1e3 for _, summary in read]
    waits = waits_of([summary.collectives for _, summary in read], zero_us)
    ranks = _reports(read, zero_us, waits)
    straggler = find_straggler(ranks)
    blame = imbalance_finding(ranks) if straggler is None else straggler_finding(straggler, ranks)
    findings = () if blame is None else (blame,)
    answer = next((r for r in ranks if straggler and r.rank == straggler.rank), slowest(ranks))
    record = next(s.diagnosis for file, s in read if file.rank == answer.rank)
    return JobDiagnosis(
        name=capture.name,
        world_size=capture.world_size,
        ranks=ranks,
        missing=capture.missing,
        problems=problems,
        straggler=straggler,
        findings=findings,
        answer=answer,
        record=record,
        primary=job_primary(straggler, findings, answer),
        headline=job_headline(ranks, straggler, answer),
        notes=_notes(capture, ranks, read, waits),
    )


def _read(capture: Capture) -> tuple[list[tuple[RankFile, RankSummary]], tuple[str, ...]]:
    """What could be read of a capture, and a line for each rank that could not."""
    answers = read_all([file.path for file in capture.files])
    read, problems = [], []
    for file, answer in zip(capture.files, answers, strict=True):
        if isinstance(answer, str):
            problems.append(f"Rank {file.rank}: {answer}")
        else:
            read.append((file, answer))
    if not read:
        raise Unreadable(f"None of the {len(answers)} ranks can be read. {problems[0]}")
    return read, tuple(problems)


def _reports(
    read: Sequence[tuple[RankFile, RankSummary]], zero_us: list[float], waits: list[Waits]
) -> tuple[RankReport, ...]:
    begins = [
        summary.start_us + (wait.clock.offset_us if wait.clock else zero)
        for (_, summary), zero, wait in zip(read, zero_us, waits, strict=True)
    ]
    timed = [b for b, wait in zip(begins, waits, strict=True) if wait.clock] or begins
    return tuple(
        _report(file, summary, wait, max(begin - min(timed), 0.0) if wait.clock else 0.0)
        for (file, summary), wait, begin in zip(read, waits, begins, strict=True)
    )


def _report(file: RankFile, summary: RankSummary, waits: Waits, late_us: float) -> RankReport:
    known, length = summary.diagnosis, summary.length_us
    pct = {
        part: 100 * where.measure / length
        for part, where in zip(PARTS, (waits.wait, waits.transfer, waits.alone), strict=True)
    }
    return RankReport(
        rank=file.rank,
        path=file.path,
        step_ms=known["step_ms"],
        window_ms=known["window_ms"],
        device=known["device"],
        device_busy_pct=known["device_busy_pct"],
        idle_by_cause=known["idle_by_cause"],
        breakdown=_breakdown(known["step_breakdown"], pct),
        communication_wait_pct=pct[PARTS[0]],
        transfer_pct=pct[PARTS[1]],
        collectives=waits.matched,
        last_arriver_share=waits.last / max(waits.decided, 1),
        caused_wait_share=waits.caused_us / max(waits.decided_us, 1e-9),
        behind_us=waits.behind_us,
        started_late_us=late_us,
        late_us=tuple((max(a, summary.start_us), b) for a, b in waits.late),
        clock_shift_us=waits.clock.shift_us if waits.clock else None,
        primary=known["primary"],
        headline=known["headline"],
    )


def _breakdown(parts: dict[str, float], split: dict[str, float]) -> dict[str, float]:
    """The step breakdown with its communication split; what is split sums to what it replaces."""
    found: dict[str, float] = {}
    for key, value in parts.items():
        if key == "exposed-communication" or (
            key == "communication" and "exposed-communication" not in parts
        ):
            found |= split
        elif key != "communication":
            found[key] = value
    return found


def _notes(
    capture: Capture,
    ranks: Sequence[RankReport],
    read: Sequence[tuple[RankFile, RankSummary]],
    waits: list[Waits],
) -> tuple[str, ...]:
    notes = []
    if capture.missing:
        notes.append(missing_words(capture.ranks, capture.world_size))
        notes.append("Waiting for a rank that is not here looks like transfer.")
    silent = [rank.rank for rank in ranks if not rank.collectives]
    if silent and len(silent) < len(ranks):
        notes.append(f"No collective of {spelled_ranks(silent)} was found on another rank.")
    total = sum(len(summary.collectives) for _, summary in read)
    matched = sum(wait.matched for wait in waits)
    if total and matched < total / 2:
        notes.append(
            f"Only {100 * matched / total:.0f} % of the collectives were found on a second rank: "
            "the windows may not overlap."
        )
    shifts = [abs(rank.clock_shift_us) for rank in ranks if rank.clock_shift_us]
    if shifts:
        notes.append(
            f"The clocks of {len(shifts)} ranks were corrected by up to "
            f"{milliseconds(max(shifts))}, so that collectives end together."
        )
    return (*notes, *_start_note(ranks, read))


def _start_note(
    ranks: Sequence[RankReport], read: Sequence[tuple[RankFile, RankSummary]]
) -> tuple[str, ...]:
    """Short profiles are mostly about how they began."""
    steps = min(summary.diagnosis["steps"] for _, summary in read)
    late = max(rank.started_late_us for rank in ranks)
    window = fmean(rank.window_ms for rank in ranks) * 1e3
    if steps >= _FEW_STEPS or late < 0.1 * window:
        return ()
    return (
        f"The ranks begin their profile up to {late / 1e3:,.1f} ms apart, in windows of "
        f"{window / 1e3:,.1f} ms: part of the waiting is for that. Profile more steps.",
    )


def missing_words(here: Sequence[int], world_size: int) -> str:
    """``Ranks 0–299 of a job of 300: only 34 is here.``"""
    return (
        f"The job has {world_size} ranks (0–{world_size - 1}): only {spelled_ranks(here)} "
        f"{'is' if len(here) == 1 else 'are'} here."
    )


def spelled_ranks(ranks: Sequence[int]) -> str:
    """Ranks as ranges: ``rank 3``, ``ranks 0–5, 7``; of many ranges the first five."""
    ordered = sorted(ranks)
    spans: list[list[int]] = []
    for rank in ordered:
        if spans and rank == spans[-1][1] + 1:
            spans[-1][1] = rank
        else:
            spans.append([rank, rank])
    words = [str(a) if a == b else f"{a}–{b}" for a, b in spans[:5]]
    more = " …" if len(spans) > 5 else ""
    return f"rank{'s' if len(ordered) != 1 else ''} {', '.join(words)}{more}"
