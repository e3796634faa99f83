"""One thread that does for a watched run what its loop must not wait for: samples and files."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import torch

from core import checkout
from core.errors import GpulseError
from core.settings import settings
from core.training.files import write_json
from core.training.hardware import HardwareSampler
from core.training.job import surroundings
from core.training.judging import Judge
from core.training.record import config_records
from core.training.watching.eventfile import EventFile
from core.training.watching.harmless import harmless, say
from core.training.watching.names import PER_STEP
from core.training.watching.values import Entry

EVERY_S = 0.5
"""Between two samples of the hardware."""

FLUSH_S = 2.0
"""Between two writes to the event file: pages look as often."""

JUDGING_SHARE = 0.005
"""Of the time, at most, that goes into judging the losses: it would take turns with the loop."""

CLOSE_S = 20.0
TRAIN, VAL = "Loss/train", "Loss/val"


class Log(threading.Thread):
    """Writes event file, ``job.json`` and alerts of a run, and samples the hardware.

    Args:
        folder: of the run.
        facts: what ``job.json`` says to begin with.
        give_up: called with an error after which nothing is written any more.

    Raises:
        OSError: the folder cannot be written.
    """

    def __init__(
        self, folder: Path, facts: Mapping[str, Any], give_up: Callable[[Exception], object]
    ) -> None:
        super().__init__(name="watch", daemon=True)
        self._folder, self._facts, self._give_up = folder, dict(facts), give_up
        write_json(folder / "job.json", self._facts)
        self._events = EventFile(folder)
        self._sampler = HardwareSampler(self._events.scalar, torch.device("cpu"))
        self._entries: deque[Entry] = deque()
        self._config: deque[Mapping[str, Any]] = deque()
        self._changed, self._sampling, self._over = False, True, threading.Event()
        self._sums: dict[str, tuple[float, int]] = {}
        self._epoch: dict[str, float] = {}
        self._judge: Judge | None = None
        self._judge_again = 0.0

    def put(self, entries: list[Entry]) -> None:
        """Hand over values that are numbers."""
        self._entries.extend(entries)

    def note(self, **facts: Any) -> None:
        """Add to ``job.json``, soon."""
        self._facts.update(facts)
        self._changed = True

    def configuration(self, config: Mapping[str, Any]) -> None:
        """Hyper-parameters, once they are known."""
        self._config.append(config)

    def use(self, device: torch.device) -> None:
        """Sample GPUs too."""
        self._sampler.use(device)

    def close(self, **facts: Any) -> None:
        """Write what is left, with the last facts."""
        self.note(**facts)
        self._over.set()
        self.join(CLOSE_S)

    def run(self) -> None:
        """The thread."""
        with harmless(self._give_up), closing(self._sampler), closing(self._events):
            with harmless(lambda error: say(f"the environment is not noted: {error}")):
                self.note(**surroundings(), git_sha=checkout.sha(), git_dirty=checkout.dirty())
            self._loop()
            if self._judge is not None:
                self._judge.close()

    def _loop(self) -> None:
        flushed = 0.0
        while not self._over.wait(EVERY_S):
            self._sample()
            self._drain()
            if time.monotonic() - flushed >= FLUSH_S:
                flushed = time.monotonic()
                self._write()
        self._sample()
        self._drain()
        self._write()

    def _sample(self) -> None:
        if self._sampling:
            self._sampling = False
            with harmless(lambda error: say(f"no more samples of the hardware: {error}")):
                self._sampler.sample()
                self._sampling = True

    def _write(self) -> None:
        self._events.flush()
        if self._changed:
            self._changed = False
            write_json(self._folder / "job.json", dict(self._facts))

    def _drain(self) -> None:
        while self._config:
            for record in config_records(self._config.popleft(), {VAL: math.nan}):
                self._events.summary(record)
        while self._entries:
            entry = self._entries.popleft()
            if entry.kind == "end":
                self._end_epoch(entry)
                continue
            self._events.scalar(entry.tag, entry.value, entry.step, entry.time)
            if entry.kind == "step":
                tag = entry.tag.removesuffix(PER_STEP)
                total, count = self._sums.get(tag, (0.0, 0))
                self._sums[tag] = total + entry.value, count + 1
            elif entry.kind == "epoch":
                self._epoch[entry.tag] = entry.value

    def _end_epoch(self, entry: Entry) -> None:
        """Means of what was logged at the steps of an epoch, and the verdict after it."""
        values = {tag: total / count for tag, (total, count) in self._sums.items()}
        for tag in values.keys() - self._epoch.keys():
            self._events.scalar(tag, values[tag], entry.step, entry.time)
        values |= self._epoch
        self._sums, self._epoch = {}, {}
        if TRAIN in values and VAL in values:
            self._tell(entry.step, values[TRAIN], values[VAL])

    def _tell(self, epoch: int, train_loss: float, val_loss: float) -> None:
        if self._judge is None:
            self._judge = Judge(self._folder, webhook_url=_webhook())
        if time.monotonic() < self._judge_again:
            self._judge.note(epoch, train_loss, val_loss)
            return
        begin = time.thread_time()
        self._judge.epoch(epoch, train_loss, val_loss)
        self._judge_again = time.monotonic() + (time.thread_time() - begin) / JUDGING_SHARE


def _webhook() -> str:
    try:
        return settings().webhook_url
    except GpulseError:
        return ""
