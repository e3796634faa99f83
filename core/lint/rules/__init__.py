"""What the doctor looks for. A rule sees what the walk meets, or the facts after it, and drafts.

Each module gives ``watch(machine, kind, seen)``, called for each call, test, formatted value and
``+=`` of the last pass, or ``conclude(machine)``, called once after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from core.lint.frames import Seen
from core.lint.machine import Machine
from core.lint.rules import evaluation, graphs, loaders, profiler, setup, sync
from core.lint.rules.draft import Draft

WATCHES: tuple[Callable[[Machine, str, Seen], Iterator[Draft]], ...] = (
    sync.watch,
    graphs.watch,
    setup.watch,
    loaders.watch,
)
CONCLUSIONS: tuple[Callable[[Machine], Iterator[Draft]], ...] = (
    loaders.conclude,
    evaluation.conclude,
    profiler.conclude,
    setup.conclude,
)

__all__ = ["CONCLUSIONS", "WATCHES", "Draft"]
