"""What stands behind curves over training: stretches of steps in one phase, or lost."""

from __future__ import annotations

from dataclasses import dataclass

from core.dynamics.records import Verdict, Zone

DIVERGED = "diverged"
"""Name of the band from the step on which a run was lost: no phase says anything there."""


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of steps; the next one starts where it ends.

    Attributes:
        name: a phase, or :data:`DIVERGED`.
        start, end: steps.
        certain: False in the interval in which overfitting may have begun.
    """

    name: str
    start: int
    end: int
    certain: bool = True


def bands(verdict: Verdict, last: int) -> tuple[Band, ...]:
    """The bands of a run, those without any length left out where there are several.

    Args:
        verdict: the diagnosis.
        last: the step that the last band ends at.
    """
    zones, end = telling_zones(verdict), last
    if verdict.diverged_step is not None:
        end = min(verdict.diverged_step, last)
    edges = [zone.start_step for zone in zones] + [end]
    found: list[Band] = []
    for zone, start, stop in zip(zones, edges, edges[1:], strict=False):
        found += _stretches(verdict, zone, start, stop)
    if verdict.diverged_step is None:
        alone = len(zones) == 1
        return tuple(band for band in found if band.end > band.start or alone)
    kept = [band for band in found if band.end > band.start]
    return (*kept, Band(DIVERGED, verdict.diverged_step, max(last, verdict.diverged_step)))


def telling_zones(verdict: Verdict) -> list[Zone]:
    """The zones that tell something: of a diverged run those before it was lost."""
    lost = verdict.diverged_step
    return [zone for zone in verdict.zones if lost is None or zone.start_step < lost]


def _stretches(verdict: Verdict, zone: Zone, start: int, stop: int) -> list[Band]:
    """A zone as one band, or as two where its onset is uncertain."""
    low, high = verdict.onset_interval or (0, 0)
    if high <= low or not any(each.phase == "overfitting" for each in verdict.zones):
        return [Band(zone.phase, start, stop)]
    if zone.phase != "overfitting":
        return [Band(zone.phase, start, max(start, min(stop, low)))]
    edge = min(high, stop)
    return [Band(zone.phase, min(low, start), edge, False), Band(zone.phase, edge, stop)]
