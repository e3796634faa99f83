"""A watched loop as it goes: its steps are counted, their times summed, some of them recorded."""

from __future__ import annotations

import time

from core.training.watching.desk import Desk
from core.training.watching.harmless import harmless
from core.training.watching.steps import Meter, Pass
from core.training.watching.values import Entry

LOOK_S = 0.5
"""Between two times at which the loop hands over what it has."""

WINDOW_S = 2.0
"""Step time and data wait are means over the steps of at least so long."""

TRAIN = "train"


class Loop:
    """Listens to the passes of a run (:class:`core.training.watching.steps.Listener`).

    Attributes:
        done: training steps so far.
        looping: whether a training pass goes on.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk, self._meter = desk, Meter()
        self.done, self.looping = 0, False
        self._aside, self._next_look = 0.0, 0.0

    def begin(self, this: Pass) -> None:
        """A pass begins."""
        with harmless(self._desk.give_up):
            if this.name == TRAIN:
                self.looping, self._aside = True, 0.0
                self._desk.find_folder()
            self._desk.loader_facts(this.name, this.loader)

    def after_step(self, this: Pass, seconds: float, wait_s: float, samples: int) -> bool:
        """A step is over; True where it was recorded, which makes it longer than others."""
        if this.name != TRAIN:
            this.meter.add(seconds, wait_s, samples)
            return False
        self.done += 1
        recorded, profiles = False, self._desk.profiles
        if profiles is not None:
            with harmless(self._desk.no_profiles):
                recorded = profiles.after_step(self.done, this.at, this.steps)
        if not recorded:
            self._meter.add(seconds - self._aside, wait_s, samples)
            self.look_if_due()
        self._aside = 0.0
        return recorded

    def end(self, this: Pass) -> None:
        """A pass is over. What is no training is no part of the step in whose body it runs."""
        if this.name != TRAIN:
            self._aside += time.perf_counter() - this.began
            self._desk.put(self._speed(this.meter, f"{this.name}_"))
            return
        self.looping = False
        if self._desk.profiles is not None:
            with harmless(self._desk.no_profiles):
                self._desk.profiles.end_of_pass()

    def look_if_due(self) -> None:
        """Hand over what has come together, now and then."""
        if time.monotonic() >= self._next_look:
            self.look()

    def look(self) -> None:
        """Hand over what has come together."""
        self._next_look = time.monotonic() + LOOK_S
        with harmless(self._desk.give_up):
            self._desk.look()
            if self._meter.seconds >= WINDOW_S:
                self._desk.put(self.speed())

    def speed(self) -> list[Entry]:
        """The means of the steps since they were last asked for."""
        return self._speed(self._meter)

    def _speed(self, meter: Meter, prefix: str = "") -> list[Entry]:
        now = time.time()
        means = meter.take().items()
        return [Entry(f"Speed/{prefix}{name}", mean, self.done, now) for name, mean in means]
