"""DataLoader arguments under test, and which of them are considered. Torch-free."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PREFETCH_FACTORS = (1, 2, 4)
"""Values considered: between them throughput differs by 4 % at most, but for stragglers."""


@dataclass(frozen=True, slots=True, order=True)
class Setting:
    """What a trial gives to DataLoader, and the threads of the main process.

    The order is the order of preference among equally fast ones: fewer workers, then less
    memory. Build one with :meth:`of`, which leaves out what needs workers where there are none.

    Attributes:
        prefetch_factor: 0 leaves the argument out, as DataLoader wants it without workers.
        multiprocessing_context: fork, spawn or forkserver; "" is the platform's default.
        threads: of torch in the main process; 0 leaves the cores of the workers to them.
    """

    num_workers: int
    batch_size: int
    prefetch_factor: int = 0
    pin_memory: bool = False
    persistent_workers: bool = False
    multiprocessing_context: str = ""
    in_order: bool = True
    threads: int = 0

    @classmethod
    def of(
        cls,
        num_workers: int,
        batch_size: int,
        prefetch_factor: int = 2,
        *,
        pin_memory: bool = False,
        multiprocessing_context: str = "",
        in_order: bool = True,
        threads: int = 0,
    ) -> Setting:
        """A setting that DataLoader accepts: without workers what they need is left out."""
        if num_workers == 0:
            return cls(0, batch_size, pin_memory=pin_memory, threads=threads)
        return cls(
            num_workers,
            batch_size,
            prefetch_factor,
            pin_memory,
            True,
            multiprocessing_context,
            in_order,
            threads,
        )

    @property
    def label(self) -> str:
        """For charts and logs, for example ``2 workers, prefetch 4, pinned``."""
        parts = [f"{self.num_workers} worker{'' if self.num_workers == 1 else 's'}"]
        if self.prefetch_factor:
            parts.append(f"prefetch {self.prefetch_factor}")
        parts += ["pinned"] if self.pin_memory else []
        parts += [self.multiprocessing_context] if self.multiprocessing_context else []
        parts += [] if self.in_order else ["any order"]
        parts += [f"{self.threads} threads"] if self.threads else []
        return ", ".join(parts)

    @property
    def arguments(self) -> dict[str, Any]:
        """Keyword arguments for DataLoader; what is left at its default is left out."""
        given: dict[str, Any] = {"batch_size": self.batch_size, "num_workers": self.num_workers}
        if self.prefetch_factor:
            given["prefetch_factor"] = self.prefetch_factor
        for name in ("pin_memory", "persistent_workers", "multiprocessing_context"):
            if getattr(self, name):
                given[name] = getattr(self, name)
        if not self.in_order:
            given["in_order"] = False
        return given

    @property
    def call(self) -> str:
        """The arguments as a call that can be copied, one a line."""
        lines = [f"    {name}={value!r}," for name, value in self.arguments.items()]
        return "\n".join(["DataLoader(", "    dataset,", *lines, ")"])

    @property
    def params(self) -> dict[str, int | bool | str]:
        """Parameters for a relaunch with this setting."""
        given: dict[str, int | bool | str] = {
            "batch_size": self.batch_size,
            "num_workers": self.num_workers,
            "pin_memory": self.pin_memory,
            "in_order": self.in_order,
            "threads": self.threads,
            "multiprocessing_context": self.multiprocessing_context or "default",
        }
        if self.num_workers:
            given["prefetch_factor"] = self.prefetch_factor
            given["persistent_workers"] = self.persistent_workers
        return given

    def to_json(self) -> dict[str, Any]:
        """Plain values; ``Setting(**values)`` reads them."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True)
class Space:
    """The settings that a tuning considers.

    Attributes:
        workers, prefetch_factors, batch_sizes, pins, threads, in_orders: values of each knob.
        multiprocessing_context: used for all; "" is the platform's default.
    """

    workers: tuple[int, ...]
    batch_sizes: tuple[int, ...]
    prefetch_factors: tuple[int, ...] = PREFETCH_FACTORS
    pins: tuple[bool, ...] = (False,)
    threads: tuple[int, ...] = (0,)
    in_orders: tuple[bool, ...] = (True,)
    multiprocessing_context: str = ""

    def settings(self) -> list[Setting]:
        """Every combination once, in the order of preference."""
        found = {
            Setting.of(
                workers,
                batch,
                prefetch,
                pin_memory=pin,
                multiprocessing_context=self.multiprocessing_context,
                in_order=in_order,
                threads=threads,
            )
            for workers in self.workers
            for batch in self.batch_sizes
            for prefetch in self.prefetch_factors
            for pin in self.pins
            for threads in self.threads
            for in_order in self.in_orders
        }
        return sorted(found)


def worker_counts(most: int) -> tuple[int, ...]:
    """0, 1, 2, 3, 4, 6, 8, 12, 16 … up to and with ``most``: steps of half a doubling."""
    counts = {0, 1, most}
    power = 2
    while power <= most:
        counts |= {power, power + power // 2}
        power *= 2
    return tuple(sorted(count for count in counts if 0 <= count <= most))


def pin_choices(wanted: str, accelerator: bool) -> tuple[tuple[bool, ...], str]:
    """(values of pin_memory to consider, a sentence where some are left out, else "").

    Args:
        wanted: "auto", "off" or "on".
        accelerator: whether batches are copied to a CUDA device.
    """
    if not accelerator:
        note = "pin_memory stays False: it has no effect without a CUDA device."
        return (False,), note if wanted != "off" else ""
    return {"auto": (False, True), "off": (False,), "on": (True,)}[wanted], ""


def present(params: Mapping[str, Any]) -> Setting:
    """The setting that a job's parameters amount to, on the CPU (nothing is page-locked)."""
    context = str(params.get("multiprocessing_context", "default"))
    return Setting.of(
        int(params.get("num_workers", 0)),
        int(params.get("batch_size", 32)),
        int(params.get("prefetch_factor", 2)),
        multiprocessing_context="" if context == "default" else context,
        in_order=bool(params.get("in_order", True)),
        threads=int(params.get("threads", 0)),
    )
