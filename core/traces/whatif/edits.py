"""What each cure changes in a replay: at best, as expected, and at worst.

Every finding names the edit that removes its cause. At best nothing of the cause stays and nothing
else suffers: that is the bound. Expected and worst keep a part of it and count side effects.

Sources of the constants:

* ``SLOWDOWN``: worker processes contend with the training process for caches, memory, clock rate
  and its interpreter lock. Of the same ResNet-50 training with ``num_workers`` 0 and 4 (samples of
  Kineto's tb_plugin) operators took 21 % longer beside workers, launch calls 25 %, Python 35 %;
  profiles made on two cores gave operators 27 % longer beside a worker that decodes JPEGs and 0 %
  beside one that sleeps. Replays without this were optimistic by 5 to 16 % of the step on three
  such pairs. A fifth is expected, twice that is the worst.
* ``RECEIVE_US``: taking a batch from a worker: 0.1 to 1.4 ms in that pair, 1.0 to 1.2 ms here.
* Without a device, workers and operators share the cores. What of the loading comes back as
  slower operators lies between nothing (a loader that waits for a disk) and all of it (two cores,
  both used by operators, gained nothing); a quarter is what four fully used cores give.
* Where the cores are known, what is computed is conserved: L ms of loading and R ms of the rest
  take (L + R) / cores at best. A quarter for four cores is L / cores; so it is expected, and at
  worst all of that and R are slowed as beside workers on a device.
* Where Python stacks were recorded, the part of the loading that sleeps or reads needs no core:
  it neither slows the host nor comes back as slower operators.
* Compiling: torch.compile trains 1.41 times as fast in the geometric mean over 180 models on A100
  (PyTorch 2, ASPLOS 2024). Half of the host's part is expected to stay, at worst three quarters.
* Copies: 25 GB/s is what a pinned copy reaches on PCIe 4.0 x16, 12 GB/s on PCIe 3.0.
* Elsewhere no figure is known: half of the cause is expected to stay, at worst all or three
  quarters of it, and the words say so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.traces.whatif.clock import MASKS, Doing, Place, doing, inside
from core.traces.whatif.replay import Changes, Replay
from core.traces.whatif.waits import Kind

BEST, EXPECTED, WORST = 0, 1, 2

WORKERS = (4, 4, 2)
"""Worker processes the loading is spread over; at worst two cores are free for them."""
SLOWDOWN = (1.0, 1.2, 1.4)
RECEIVE_US = 1000.0
SHARED_CORES = (0.0, 0.25, 1.0)
UPLOAD_GBPS = (25.0, 12.0, 12.0)


class Edit(StrEnum):
    """A change to a training run that a replay can make."""

    LOADER = "loader"
    """Load in worker processes instead of the training process (D1)."""
    WORKERS = "workers"
    """Twice as many, or twice as fast, workers (D2)."""
    SYNC = "sync"
    """No waiting for the device: values are read back later or not at all (S1, S2)."""
    COPIES = "copies"
    """Batches from pinned memory, without blocking (H1)."""
    ALLOCATOR = "allocator"
    """No allocator calls in the steps (A1)."""
    LAUNCHES = "launches"
    """One launch a step: CUDA graphs (L1)."""
    OPERATORS = "operators"
    """Fewer operators on the host: compiled, fused (F1)."""
    PYTHON = "python"
    """No Python between operators (F2)."""
    COMMUNICATION = "communication"
    """Communication behind computing (C1)."""
    OPTIMIZER = "optimizer"
    """A fused optimizer: one launch instead of many (L2)."""


_HALVED = (Edit.SYNC, Edit.COPIES)
"""Done or not done; at worst half of what they save is saved."""
_HOST_WORK = (Doing.OPERATOR, Doing.LAUNCH, Doing.OTHER_CALL)

KEPT: dict[Edit, tuple[float, float, float]] = {
    Edit.ALLOCATOR: (0.0, 0.1, 0.5),
    Edit.LAUNCHES: (0.0, 0.5, 0.75),
    Edit.OPERATORS: (0.0, 0.5, 0.75),
    Edit.PYTHON: (0.0, 0.5, 1.0),
    Edit.COMMUNICATION: (0.0, 0.5, 0.75),
    Edit.OPTIMIZER: (0.0, 0.5, 0.75),
}
"""Part of the cause that stays, by level."""

WORDS: dict[Edit, str] = {
    Edit.LOADER: "four workers load while the step runs; expected: they slow the host by a fifth "
    "and each batch takes 1 ms to receive; at worst two workers, and twice the slowing",
    Edit.WORKERS: "twice as many workers; at worst half of the wait stays",
    Edit.SYNC: "the host no longer waits for the device; at worst half of that is saved",
    Edit.COPIES: "pinned copies of 12 GB/s (at most 25) that do not block; at worst half is saved",
    Edit.ALLOCATOR: "a tenth of the allocator calls stays, at worst half",
    Edit.LAUNCHES: "one launch a step at most; expected: half of the host's work stays, at worst "
    "three quarters",
    Edit.OPERATORS: "half of the operators' host time stays, at worst three quarters, at most none",
    Edit.PYTHON: "half of the Python stays, at worst all, at most none",
    Edit.COMMUNICATION: "half of the communication is hidden, at worst a quarter, at most all",
    Edit.OPTIMIZER: "half of the optimizer's host time stays, at worst three quarters, at most "
    "none",
}
ON_HOST = (
    "workers load while the step runs; expected: a quarter of the computing in the loading comes "
    "back as slower operators, for both share the cores, and each batch takes 1 ms to receive; at "
    "worst all of it comes back"
)
"""What LOADER and WORKERS mean where there is no device."""

ON_CORES = (
    "{workers} workers load while the step runs, on {cores} cores that both share; expected: the "
    "computing in the loading is spread over all of them and comes back as slower operators, and "
    "each batch takes 1 ms to receive; at worst all is slowed by two fifths too, at best by nothing"
)
"""What LOADER means where there is no device and the cores are known."""


@dataclass(frozen=True, slots=True)
class Room:
    """What there is to load with.

    Attributes:
        workers: worker processes for LOADER; :data:`WORKERS` where None.
        cores: of the machine; None where that is not known.
    """

    workers: int | None = None
    cores: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Edits at one level.

    Attributes:
        changes: for the replay.
        floor_us: the window cannot become shorter than this.
    """

    changes: Changes
    floor_us: float


def plan(replay: Replay, edits: Iterable[Edit], level: int, room: Room) -> Plan:
    """The changes that these edits mean together.

    Args:
        replay: of the window they are made to.
        edits: which.
        level: BEST, EXPECTED or WORST.
        room: what there is to load with.
    """
    chosen = set(edits)
    rate, floor = np.ones(MASKS.size), 0.0
    for edit in chosen:
        rate = np.minimum(rate, _rate(replay, edit, level, room))
    if Edit.LOADER in chosen:
        slower = 1.0
        if replay.case.device is not None or (room.cores is not None and level == WORST):
            slower += (SLOWDOWN[level] - 1) * _computing(replay)
        floor = replay.loading_us / (room.workers or WORKERS[level]) * slower
        if replay.case.device is None and room.cores is not None:
            floor = max(floor, _shared(replay) / room.cores)
        rate[~doing(Doing.LOADER, Doing.SYNC, Doing.TALKING)] *= slower
    if Edit.WORKERS in chosen and level != BEST:
        floor = max(floor, replay.observed_us / 2)
    kept = KEPT[Edit.COMMUNICATION][level]
    return Plan(
        Changes(
            rate=rate,
            dropped=_dropped(chosen),
            communication=kept if Edit.COMMUNICATION in chosen else 1.0,
            upload_gbps=UPLOAD_GBPS[level] if Edit.COPIES in chosen else 0.0,
            graph=Edit.LAUNCHES in chosen and level == BEST,
        ),
        floor,
    )


def without_halved(edits: Iterable[Edit]) -> list[Edit]:
    """The edits of which half is not saved by halving a cost."""
    return [edit for edit in edits if edit not in _HALVED]


def _dropped(edits: set[Edit]) -> frozenset[Kind]:
    frees = {
        Edit.SYNC: Kind.SYNC,
        Edit.COPIES: Kind.UPLOAD,
        Edit.ALLOCATOR: Kind.FREE,
    }
    return frozenset(kind for edit, kind in frees.items() if edit in edits)


def _rate(replay: Replay, edit: Edit, level: int, room: Room) -> NDArray[np.float64]:
    """float64[masks]: how fast the host's time passes with one edit."""
    rate = np.ones(MASKS.size)
    if edit in (Edit.LOADER, Edit.WORKERS):
        rate[doing(Doing.LOADER) & ~inside(Place.EPOCH_EDGE)] = _loading(replay, edit, level, room)
    elif edit is Edit.COPIES:
        rate[inside(Place.UPLOAD) & doing(Doing.COPY, Doing.SYNC)] = 0.0
    elif edit is not Edit.SYNC:
        rate[_where(edit)] = KEPT[edit][level]
    return rate


def _where(edit: Edit) -> NDArray[np.bool_]:
    work = doing(*_HOST_WORK)
    if edit is Edit.ALLOCATOR:
        return doing(Doing.ALLOCATE)
    if edit is Edit.PYTHON:
        return doing(Doing.PYTHON)
    if edit is Edit.COMMUNICATION:
        return doing(Doing.TALKING, Doing.TALKING_ELSEWHERE)
    if edit is Edit.OPTIMIZER:
        return inside(Place.OPTIMIZER) & (work | doing(Doing.PYTHON))
    return work


def _computing(replay: Replay) -> float:
    """Share of the loading that needs a core; all of it where nothing is known."""
    return 1.0 if replay.computing is None else replay.computing


def _shared(replay: Replay) -> float:
    """Core time (µs) of a window without a device: what is computed in the loading, and the rest.

    Operators of several threads take more than that, so no spread over cores is faster.
    """
    return replay.observed_us - replay.loading_us * (1 - _computing(replay))


def _loading(replay: Replay, edit: Edit, level: int, room: Room) -> float:
    """Part of the time in the DataLoader that stays with workers."""
    if level == BEST or not replay.loading_us:
        return 0.0
    if edit is Edit.WORKERS and level == WORST and replay.case.device is not None:
        return 0.5
    received = replay.batches * RECEIVE_US / replay.loading_us
    if replay.case.device is not None:
        return min(received, 1.0)
    share = SHARED_CORES[level]
    if edit is Edit.LOADER and room.cores is not None:
        share = (SLOWDOWN[WORST] if level == WORST else 1.0) / room.cores
    shared = share * _computing(replay)
    return min(received + shared, 1.0)
