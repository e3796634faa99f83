"""A trace as numpy columns: one row a span."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from core.traces.intervals import distinct


class Category(IntEnum):
    """What recorded a span; old and new Kineto names map to the same code."""

    KERNEL = 0
    MEMCPY = 1
    MEMSET = 2
    RUNTIME = 3
    CPU_OP = 4
    ANNOTATION = 5
    PYTHON = 6
    GPU_ANNOTATION = 7
    OVERHEAD = 8
    OTHER = 9


CATEGORY_NAMES: dict[str, Category] = {
    "kernel": Category.KERNEL,
    "concurrent_kernel": Category.KERNEL,
    "memcpy": Category.MEMCPY,
    "gpu_memcpy": Category.MEMCPY,
    "memset": Category.MEMSET,
    "gpu_memset": Category.MEMSET,
    "runtime": Category.RUNTIME,
    "cuda_runtime": Category.RUNTIME,
    "cuda_driver": Category.RUNTIME,
    "hip_runtime": Category.RUNTIME,
    "hip_driver": Category.RUNTIME,
    "xpu_runtime": Category.RUNTIME,
    "privateuse1_runtime": Category.RUNTIME,
    "operator": Category.CPU_OP,
    "cpu_op": Category.CPU_OP,
    "user_annotation": Category.ANNOTATION,
    "python_function": Category.PYTHON,
    "gpu_user_annotation": Category.GPU_ANNOTATION,
    "overhead": Category.OVERHEAD,
}
"""Lower-case Kineto category -> code; anything else is OTHER."""

DEVICE_WORK = (Category.KERNEL, Category.MEMCPY, Category.MEMSET)


@dataclass(frozen=True, slots=True)
class Thread:
    """A host thread, or a stream's row in the trace.

    Attributes:
        process, thread: identifiers as the trace writes them.
        name: the trace's own name for it, or "".
    """

    process: str
    thread: str
    name: str


@dataclass(frozen=True, slots=True)
class Hardware:
    """What ``deviceProperties`` of a trace say about one device.

    Attributes:
        capability: CUDA compute capability, major and minor; (0, 0) where unknown.
        memory_bytes: its memory, 0 where unknown.
    """

    capability: tuple[int, int] = (0, 0)
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Trace:
    """All spans of one profile, sorted by start, longer ones first where starts are equal.

    The arrays are read-only and share their row index.

    Attributes:
        start, duration: float64 µs; the first span of the trace starts at 0.
        name: int32 codes into ``names``.
        category: int8 codes of :class:`Category`.
        process: int32 codes into ``processes``.
        thread: int32 codes into ``threads``.
        stream, device: int32, −1 for host spans.
        correlation: int64, −1 where there is none; joins device work to the call that launched it.
        bytes: int64, size of a copy, 0 otherwise.
        inputs: int32 codes into ``input_texts``, −1 where no shapes were recorded.
        stack: int32 codes into ``stack_texts``, −1 where the span carries no stack of its own.
        blocks_per_sm: float32, blocks of a kernel for each multiprocessor; NaN where unknown.
        occupancy_pct: float32, estimated achieved occupancy of a kernel; NaN where unknown.
        names: span names by code.
        processes, threads: by code.
        devices: device index -> name, where the trace says.
        input_texts: shapes of an operator's inputs as JSON, by code.
        stack_texts: Python stacks, innermost line first, ``;`` between lines, by code.
        hardware: what the trace says about its devices.
        reserved_bytes: device index -> most memory that PyTorch had reserved, where recorded.
        source: file name.
        events: entries in the file, of any kind.
        incomplete: "" or what is missing, in words (truncated, damaged entries).
        base_ns: time stamp of the first span as the file writes it, in ns: where 0 of ``start``
            lies on the clock of the machine, less the file's own ``baseTimeNanoseconds``.
    """

    start: NDArray[np.float64]
    duration: NDArray[np.float64]
    name: NDArray[np.int32]
    category: NDArray[np.int8]
    process: NDArray[np.int32]
    thread: NDArray[np.int32]
    stream: NDArray[np.int32]
    device: NDArray[np.int32]
    correlation: NDArray[np.int64]
    bytes: NDArray[np.int64]
    inputs: NDArray[np.int32]
    stack: NDArray[np.int32]
    blocks_per_sm: NDArray[np.float32]
    occupancy_pct: NDArray[np.float32]
    names: tuple[str, ...]
    processes: tuple[str, ...]
    threads: tuple[Thread, ...]
    devices: dict[int, str] = field(default_factory=dict)
    input_texts: tuple[str, ...] = ()
    stack_texts: tuple[str, ...] = ()
    hardware: dict[int, Hardware] = field(default_factory=dict)
    reserved_bytes: dict[int, int] = field(default_factory=dict)
    source: str = ""
    events: int = 0
    incomplete: str = ""
    base_ns: int = 0

    def __len__(self) -> int:
        return int(self.start.size)

    @property
    def end(self) -> NDArray[np.float64]:
        """float64 µs: end of every span."""
        return self.once("end", lambda: self.start + self.duration)

    def once(self, what: str, work: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """A column that is worked out when first asked for, and kept while the trace lives."""
        known = _DERIVED.setdefault(self, {})
        if what not in known:
            column = work()
            column.flags.writeable = False
            known[what] = column
        return known[what]

    @property
    def on_device(self) -> NDArray[np.bool_]:
        """Which rows are kernels, copies or fills."""
        return self.category <= Category.MEMSET

    @property
    def device_ids(self) -> tuple[int, ...]:
        """Devices that did any work, ascending."""
        return tuple(distinct(self.device[self.on_device]).tolist())

    def of(self, *categories: Category) -> NDArray[np.int64]:
        """Row numbers of the given categories, in time order."""
        return np.flatnonzero(self.among(*categories))

    def among(self, *categories: Category) -> NDArray[np.bool_]:
        """Which rows are of the given categories."""
        return among(self.category, categories)


def among(codes: NDArray[Any], wanted: Iterable[int]) -> NDArray[np.bool_]:
    """Which codes are one of a few: a comparison each is far cheaper than looking codes up."""
    found = np.zeros(codes.shape, bool)
    for code in wanted:
        found |= codes == code
    return found


_DERIVED: WeakKeyDictionary[Trace, dict[str, NDArray[Any]]] = WeakKeyDictionary()
