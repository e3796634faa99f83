"""The horizontal axis of a chart over training: steps, time since the start, or wall clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.dynamics import Clock

AxisName = Literal["step", "relative", "wall"]
AXES: tuple[AxisName, ...] = ("step", "relative", "wall")


def as_axis(name: str | None) -> AxisName:
    """The axis of a name; "step" for any other word."""
    known: dict[str | None, AxisName] = {axis: axis for axis in AXES}
    return known.get(name, "step")


_DAY_MS = 86_400e3
_UNITS = (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0))


@dataclass(frozen=True, slots=True)
class XAxis:
    """Where steps lie on a chart.

    Attributes:
        first, last: the steps at its ends.
        name: one of :data:`AXES`; without a clock only "step" works.
        step_name: what a step is ("Epoch" where one is logged per epoch).
        clock: when each step was logged.
    """

    first: int
    last: int
    name: AxisName = "step"
    step_name: str = "Step"
    clock: Clock | None = None

    def place(self, steps: ArrayLike) -> NDArray[np.float64]:
        """Positions of steps: steps, a unit of time since the first, or ms since the epoch."""
        if self.clock is None or self.name == "step":
            return np.asarray(steps, float)
        times = self.clock.at(steps)
        if self.name == "wall":
            return times * 1e3
        return (times - self.clock.at(self.first)) / self._unit()[1]

    def _unit(self) -> tuple[str, float]:
        if self.clock is None:
            return "seconds", 1.0
        length = float(self.clock.at(self.last) - self.clock.at(self.first))
        return next(((unit, s) for unit, s in _UNITS if length > 2 * s), ("seconds", 1.0))

    @property
    def timed(self) -> bool:
        """Whether positions are times."""
        return self.clock is not None and self.name != "step"

    def encoding(self) -> dict[str, Any]:
        """The Vega-Lite channel of the field ``x``."""
        low, high = (float(x) for x in self.place([self.first, self.last]))
        scale: dict[str, Any] = {"domain": [low, high], "nice": False}
        axis: dict[str, Any] = {"labelOverlap": True, "labelFlush": True}
        if self.timed and self.name == "wall":
            axis["format"] = "%H:%M" if high - low < _DAY_MS else "%d %b %H:%M"
            return {"field": "x", "type": "temporal", "title": "Time (UTC)", "axis": axis,
                    "scale": {**scale, "type": "utc"}}  # fmt: skip
        title = f"Time since the start, {self._unit()[0]}" if self.timed else self.step_name
        axis |= {"format": ",~f"} | ({} if self.timed else {"tickMinStep": 1})
        return {"field": "x", "type": "quantitative", "title": title, "axis": axis,
                "scale": {**scale, "zero": False}}  # fmt: skip
