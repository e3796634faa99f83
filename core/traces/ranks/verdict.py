"""Who holds a job up, and why: rules C2 (straggler) and C4 (imbalance)."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, median

from core.traces.labels import CAUSE_KEYS, title
from core.traces.ranks.records import PARTS, RankReport, Straggler
from core.traces.records import Finding, Fix, Prediction
from core.traces.rules.common import NOTE, WARNING, milliseconds, percent, severity

EXPLAINS = 0.5
"""What takes longer than on the other ranks explains their waiting where it is half of it."""

_STRAGGLER_FIX = Fix(
    "Mend what makes this rank late; its own findings come next. If it does the same work as the "
    "others, look at its machine: clocks, temperature, other processes.",
    "nvidia-smi -q -d PERFORMANCE,TEMPERATURE,CLOCK  # on the host of the rank",
)
_DATA_FIX = Fix(
    "Give this rank's DataLoader what the others' have: workers, cores, a disk as near.",
    "DataLoader(dataset, batch_size=..., num_workers=4,  # up to the number of CPU cores\n"
    "           persistent_workers=True, pin_memory=True, prefetch_factor=4)",
    {"num_workers": 4, "persistent_workers": True},
)
_EVEN_FIX = Fix(
    "Give every rank the same work in every step: equal batches, samples sorted into batches of "
    "similar length, no work that one rank does alone.",
    "sampler = DistributedSampler(dataset, drop_last=True)  # and batch by length",
)


def find_straggler(ranks: Sequence[RankReport]) -> Straggler | None:
    """The rank that the others wait for, None where there is no single one.

    It is the last arriver in more than twice its fair share of collectives, each weighed by the
    waiting it costs (rules of TraceLens' ``NcclAnalyser`` and TraceML), and the others wait for
    10 % of their windows or more (TraceML: 10 % is a warning, 20 % critical). Of two or three
    ranks nobody can have twice the fair share and more, so there halfway to all of it counts.
    """
    compared = [rank for rank in ranks if rank.collectives]
    if len(compared) < 2:
        return None
    worst = max(compared, key=lambda rank: rank.caused_wait_share)
    others = [rank for rank in compared if rank is not worst]
    waiting = fmean(rank.communication_wait_pct for rank in others)
    if worst.caused_wait_share <= fair_share_limit(len(compared)) or waiting < 100 * WARNING:
        return None
    cause, late_ms = _cause(worst, others)
    return Straggler(
        rank=worst.rank,
        last_arriver_share=worst.last_arriver_share,
        caused_wait_share=worst.caused_wait_share,
        others_wait_pct=waiting,
        late_ms=late_ms,
        cause=cause,
        cause_pct=worst.breakdown[cause],
        others_cause_pct=median([other.breakdown.get(cause, 0.0) for other in others]),
    )


def fair_share_limit(ranks: int) -> float:
    """The share of last arrivals above which a rank is no longer one among many."""
    fair = 1 / ranks
    return min(2 * fair, (1 + fair) / 2)


def _cause(rank: RankReport, others: Sequence[RankReport]) -> tuple[str, float]:
    """What holds the rank up.

    Returns:
        The activity whose excess over the others' median explains their waiting, its largest own
        idle cause where none does; and by how many ms it began late, 0 where that explains less.
    """
    waited_ms = fmean(o.communication_wait_pct / 100 * o.window_ms for o in others)
    excess_ms = {
        key: share / 100 * rank.window_ms
        - median([o.breakdown.get(key, 0.0) / 100 * o.window_ms for o in others])
        for key, share in rank.breakdown.items()
        if key not in PARTS
    }
    key = max(excess_ms, key=lambda name: excess_ms[name])
    late_ms = (rank.started_late_us - min(o.started_late_us for o in others)) / 1e3
    late = late_ms >= EXPLAINS * waited_ms and late_ms > excess_ms[key]
    if excess_ms[key] < EXPLAINS * waited_ms:
        key = own_largest(rank)
    return key, late_ms if late else 0.0


def own_largest(rank: RankReport) -> str:
    """The largest idle cause that is not communication; without a device the largest activity."""
    own = {k: v for k, v in rank.idle_by_cause.items() if k != "communication"}
    if not own:
        own = {k: v for k, v in rank.breakdown.items() if k not in PARTS}
    return max(own, key=lambda key: own[key])


def straggler_finding(found: Straggler, ranks: Sequence[RankReport]) -> Finding:
    """C2. Gain: T / (T − saved).

    Saved is at least what remains of the others' mean wait for it once the last but one arrival is
    the last; at most by how much the others' communication is exposed longer than its own, for it
    never waits: what they have beyond it (transfers in line behind the wait too) is the delay.
    """
    rank = next(rank for rank in ranks if rank.rank == found.rank)
    others = [other for other in ranks if other.collectives and other is not rank]
    window_us = 1e3 * fmean(other.window_ms for other in others)
    waited_us = 1e3 * fmean(o.communication_wait_pct / 100 * o.window_ms for o in others)
    exposed_us = 1e3 * fmean(_exposed_ms(other) for other in others)
    least = min(rank.behind_us, waited_us * found.caused_wait_share, 0.99 * window_us)
    most = min(max(exposed_us - 1e3 * _exposed_ms(rank), least), 0.99 * window_us)
    share = waited_us / window_us
    steps = max(round(window_us / 1e3 / rank.step_ms), 1) if rank.step_ms else 1
    return Finding(
        rule="C2",
        title=f"Rank {found.rank} holds the other ranks up",
        severity=severity(share),
        where=f"rank {found.rank} ({rank.path.name}): {because(found)}",
        cost_ms=waited_us / steps / 1e3,
        share=share,
        evidence=(
            f"It arrives last in {percent(found.last_arriver_share)} of {rank.collectives} "
            f"collectives (fair: {percent(1 / (len(others) + 1))}) and causes "
            f"{percent(found.caused_wait_share)} of all waiting.",
            f"The others wait {percent(share)} of the window for later ranks "
            f"({milliseconds(waited_us)}); moving the data takes "
            f"{percent(fmean(o.transfer_pct for o in others) / 100)}.",
        ),
        ranges_us=rank.late_us,
        fix=_DATA_FIX if found.cause == "input-wait" else _STRAGGLER_FIX,
        predicted_speedup=Prediction(
            window_us / (window_us - least),
            window_us / (window_us - most),
            "Low: it arrives with the last but one rank. High: the others communicate no longer "
            "than it does.",
        ),
    )


def _exposed_ms(rank: RankReport) -> float:
    """Exposed communication of a rank that was matched with others."""
    return (rank.communication_wait_pct + rank.transfer_pct) / 100 * rank.window_ms


def because(found: Straggler) -> str:
    """What its time goes to, with the others' beside it."""
    beside = f"({found.others_cause_pct:.0f} % on the others)"
    spent = f"{found.cause_pct:.0f} % of its window goes to {_words(found.cause)} {beside}"
    if found.late_ms:
        return (
            f"it begins the window {found.late_ms:,.1f} ms after the first rank, held up before "
            f"the profile; inside it, {spent}"
        )
    return spent


def _words(key: str) -> str:
    words = title(key)
    return words if key == "python-bound" else words[0].lower() + words[1:]


def imbalance_finding(ranks: Sequence[RankReport]) -> Finding | None:
    """C4: ranks wait for one another for 5 % of the window or more (10 % a warning, 20 %
    critical, as TraceML's skew), and no single rank is to blame."""
    compared = [rank for rank in ranks if rank.collectives]
    if len(compared) < 2:
        return None
    waiting = fmean(rank.communication_wait_pct for rank in compared) / 100
    if waiting < NOTE:
        return None
    window_ms = fmean(rank.window_ms for rank in compared)
    worst = sorted(compared, key=lambda rank: -rank.caused_wait_share)[:2]
    blamed = " and ".join(f"rank {r.rank} ({percent(r.caused_wait_share)})" for r in worst)
    work = [rank.breakdown.get("compute", 0.0) / 100 * rank.window_ms for rank in compared]
    uneven = f"Computing takes {min(work):,.1f} to {max(work):,.1f} ms of the window."
    steps = [max(round(r.window_ms / r.step_ms), 1) for r in compared if r.step_ms] or [1]
    return Finding(
        rule="C4",
        title="Ranks wait for one another in turn",
        severity=severity(waiting),
        where="all ranks",
        cost_ms=waiting * window_ms / median(steps),
        share=waiting,
        evidence=(
            f"On average {percent(waiting)} of the window is waiting for a later rank.",
            f"No rank is to blame alone: most of it is caused by {blamed}.",
            *((uneven,) if max(work) > 0 else ()),
        ),
        ranges_us=(),
        fix=_EVEN_FIX,
        predicted_speedup=Prediction(
            1.0,
            1 / (1 - min(waiting, 0.99)),
            "Low: the unevenness stays. High: all ranks arrive together.",
        ),
    )


def slowest(ranks: Sequence[RankReport]) -> RankReport:
    """The rank that waits least for others where that is known, else the one with the longest
    step: in a job that keeps step, those who wait take as long as the one they wait for."""
    compared = [rank for rank in ranks if rank.collectives]
    if len(compared) > 1 and max(rank.communication_wait_pct for rank in compared) >= 100 * NOTE:
        return max(compared, key=lambda r: (r.caused_wait_share, -r.communication_wait_pct))
    return max(ranks, key=lambda rank: rank.length_ms)


def job_headline(
    ranks: Sequence[RankReport], straggler: Straggler | None, answer: RankReport
) -> str:
    """The answer in a sentence or two, the cause first."""
    if straggler is not None:
        return (
            f"Rank {straggler.rank} arrives last in {100 * straggler.last_arriver_share:.0f} % of "
            f"collectives, and the others wait {straggler.others_wait_pct:.0f} % of their time: "
            f"{because(straggler)}."
        )
    compared = [rank for rank in ranks if rank.collectives]
    if len(compared) < 2:
        return (
            "The traces have no collectives in common, so waiting cannot be told from transfer. "
            f"Rank {answer.rank} has the longest step: {answer.headline}"
        )
    waiting = fmean(rank.communication_wait_pct for rank in compared)
    moving = fmean(rank.transfer_pct for rank in compared)
    if waiting >= 100 * NOTE:
        begin = f"The ranks wait for one another {waiting:.0f} % of the time, in turn"
    else:
        begin = f"No rank holds the others up: they wait for one another {waiting:.1f} %"
    return f"{begin}; moving data takes {moving:.1f} % more. Rank {answer.rank}: {answer.headline}"


def job_primary(
    straggler: Straggler | None, findings: Sequence[Finding], answer: RankReport
) -> str:
    """The one-word answer: the idle cause that holds a straggler up; ``communication`` where its
    device is slow, or where ranks wait in turn for 20 % or more; else that of the answering rank
    alone."""
    if answer.device_busy_pct is None:
        return answer.primary
    if straggler is not None and straggler.cause in CAUSE_KEYS:
        return straggler.cause
    if straggler is not None or any(f.severity == "critical" for f in findings):
        return "communication"
    return answer.primary
