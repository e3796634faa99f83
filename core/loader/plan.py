"""Which settings are tried, and in which order. Torch-free."""

from __future__ import annotations

import random
from collections.abc import Iterator

from core.loader.results import Setting


def worker_counts(max_workers: int) -> list[int]:
    """0, 1, 2, 4, 8 … up to and with ``max_workers``."""
    counts, count = [0], 1
    while count < max_workers:
        counts.append(count)
        count *= 2
    return [*counts, max_workers] if max_workers > 0 else counts


def pin_choices(wanted: str, accelerator: bool) -> tuple[list[bool], str]:
    """(values of pin_memory to try, a sentence where some are left out, else "").

    Args:
        wanted: "auto", "off" or "on".
        accelerator: whether batches are copied to a CUDA device.
    """
    if not accelerator:
        note = (
            "pin_memory was measured as False only: it has no effect without a CUDA device."
            if wanted != "off"
            else ""
        )
        return [False], note
    return {"auto": [False, True], "off": [False], "on": [True]}[wanted], ""


def grid(max_workers: int, pins: list[bool], prefetch_factor: int) -> list[Setting]:
    """Every combination, the baseline first."""
    settings = [
        Setting(workers, pin, prefetch_factor)
        for workers in worker_counts(max_workers)
        for pin in pins
    ]
    baseline = Setting(0, False, prefetch_factor)
    return [baseline, *(setting for setting in settings if setting != baseline)]


def interleaved(settings: list[Setting], rounds: int, seed: int) -> Iterator[tuple[int, Setting]]:
    """(round from 1, setting): each round tries all, so that drift of the machine hits all alike.

    The first round keeps the order given (the page soon shows the baseline); later ones are
    shuffled, so that no setting always follows the same other.
    """
    rng = random.Random(seed)
    for number in range(1, rounds + 1):
        order = list(settings)
        if number > 1:
            rng.shuffle(order)
        for setting in order:
            yield number, setting
