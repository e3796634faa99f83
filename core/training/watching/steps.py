"""Timing a loop from inside its iterator: how long each step took, and its wait for the batch."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")
_DEPTH = 4


@dataclass(slots=True)
class Meter:
    """Sums over the steps of a window.

    Attributes:
        steps, seconds, wait_s, samples: of the steps since the window began; the seconds
            include the wait.
    """

    steps: int = 0
    seconds: float = 0.0
    wait_s: float = 0.0
    samples: int = 0

    def add(self, seconds: float, wait_s: float, samples: int) -> None:
        """One step."""
        self.steps += 1
        self.seconds += seconds
        self.wait_s += wait_s
        self.samples += samples

    def take(self) -> dict[str, float]:
        """Means of the window by name, and begin a new one; {} without a step."""
        if not self.steps or self.seconds <= 0:
            return {}
        found = {
            "step_ms": 1e3 * self.seconds / self.steps,
            "data_wait_ms": 1e3 * self.wait_s / self.steps,
        }
        if self.samples:
            found["samples_per_s"] = self.samples / self.seconds
        self.steps = self.samples = 0
        self.seconds = self.wait_s = 0.0
        return found


class Listener(Protocol):
    """Who is told of the steps of a pass."""

    def begin(self, this: Pass) -> None:
        """A pass begins."""
        ...

    def after_step(self, this: Pass, seconds: float, wait_s: float, samples: int) -> bool:
        """A step is over; True where telling took long, which belongs to no step."""
        ...

    def end(self, this: Pass) -> None:
        """A pass is over, complete or left."""
        ...


@dataclass(slots=True)
class Pass:
    """One time through a loader.

    Attributes:
        name: ``train``, or of another split.
        loader: what the user gave.
        steps: that the pass has, None where the loader does not say.
        at: steps done.
        began: on the clock of :func:`time.perf_counter`.
        meter: of its own, for splits other than ``train``.
    """

    name: str
    loader: Any
    steps: int | None
    at: int = 0
    began: float = field(default_factory=time.perf_counter)
    meter: Meter = field(default_factory=Meter)


class Steps(Generic[T]):
    """A loader, watched. Iterating it again is another pass."""

    def __init__(self, loader: Iterable[T], name: str, listener: Listener) -> None:
        self._loader, self._name, self._listener = loader, name, listener

    def __len__(self) -> int:
        return len(self._loader)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[T]:
        return self._pass()

    def _pass(self) -> Generator[T, None, None]:
        clock, listener = time.perf_counter, self._listener
        this = Pass(self._name, self._loader, _length(self._loader))
        listener.begin(this)
        try:
            begin = clock()
            source = iter(self._loader)
            while True:
                try:
                    # In a box: what the generator held, the user could not free.
                    box = [next(source)]
                except StopIteration:
                    return
                wait = clock() - begin
                samples = samples_in(box[0])
                yield box.pop()
                now = clock()
                this.at += 1
                long = listener.after_step(this, now - begin, wait, samples)
                begin = clock() if long else now
        finally:
            listener.end(this)


def _length(loader: Any) -> int | None:
    try:
        return len(loader)
    except (TypeError, AttributeError, NotImplementedError):
        return None


def samples_in(batch: Any) -> int:
    """First dimension of the first array of a batch, in lists, tuples and mappings; 0 for none."""
    try:
        for _ in range(_DEPTH):
            if isinstance(batch, (list, tuple)):
                batch = batch[0]
            elif isinstance(batch, Mapping):
                batch = next(iter(batch.values()))
            else:
                break
        return int(batch.shape[0])
    except (AttributeError, IndexError, KeyError, StopIteration, TypeError, ValueError):
        return 0
