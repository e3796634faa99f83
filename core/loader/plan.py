"""What a tuning considers, from its parameters and what the probe found. Torch-free."""

from __future__ import annotations

from typing import Any

from core.loader.costs import Costs
from core.loader.setting import Setting, Space, pin_choices, worker_counts

BATCH_MULTIPLES = (1, 2, 4)

PATIENT = 1.0
"""Waiting over computing of a sample from which more workers than twice the cores may pay off."""

ENOUGH_WAITING = 8
"""Workers that are considered at least where samples wait."""


def batch_sizes(params: Any) -> tuple[int, ...]:
    """The batch size in use, and its multiples where they are wanted."""
    multiples = BATCH_MULTIPLES if params.batch_sizes == "try" else (1,)
    return tuple(params.batch_size * multiple for multiple in multiples)


def thread_counts(params: Any, cores: int) -> tuple[int, ...]:
    """Thread counts of the main process that are considered; 0 is the rule."""
    return tuple(sorted({0, 1, cores})) if params.threads == "try" and cores > 1 else (0,)


def most_workers(params: Any, costs: Costs) -> int:
    """Largest num_workers considered.

    Twice the cores; samples that mostly wait for storage leave the cores idle, so twice as many.
    """
    if params.max_workers:
        return params.max_workers
    if costs.get_wait_s > PATIENT * costs.get_cpu_s:
        return max(ENOUGH_WAITING, 4 * costs.cores)
    return 2 * costs.cores


def context_of(params: Any) -> str:
    """The multiprocessing context as DataLoader takes it; "" for the platform's own."""
    chosen = params.multiprocessing_context
    return "" if chosen == "default" else chosen


def space(params: Any, costs: Costs, accelerator: bool) -> tuple[Space, str]:
    """(what is considered, a sentence on what is left out, else "")."""
    pins, note = pin_choices(params.pin_memory, accelerator)
    found = Space(
        workers=worker_counts(most_workers(params, costs)),
        batch_sizes=batch_sizes(params),
        pins=pins,
        threads=thread_counts(params, costs.cores),
        in_orders=(True, False) if params.in_order == "try" else (True,),
        multiprocessing_context=context_of(params),
    )
    return found, note


def baseline(params: Any) -> Setting:
    """The setting in use now."""
    return Setting.of(
        params.num_workers,
        params.batch_size,
        params.prefetch_factor,
        pin_memory=params.pin_memory == "on",
        multiprocessing_context=context_of(params),
    )
