"""What stands behind a watched loop: its folder, its log, its profiles, what is known of it."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch

from core.dynamics.signals import FACTS, SETUP
from core.training.device import device_name
from core.training.watching import folders
from core.training.watching.harmless import harmless, say
from core.training.watching.log import Log
from core.training.watching.profiles import Plan, Profiles
from core.training.watching.values import Entry, Values, single

_EPOCHS = ("epochs", "num_epochs", "n_epochs", "max_epochs")


class Desk:
    """Takes what the loop says. Each part that fails is given up with one line.

    Args:
        wanted: the folder that the user asked for.
        config: the user's hyper-parameters.
        plan: the profile that is recorded without being asked for.
    """

    def __init__(self, wanted: Path, config: Mapping[str, Any] | None, plan: Plan) -> None:
        self._wanted, self._config, self._plan = wanted, folders.plain(config), plan
        self._rank = folders.rank_of_this()
        self._values = Values()
        self._thread: Log | None = None
        self._configured = self._cuda = False
        self._said: set[str] = set()
        self.folder: Path | None = None
        self.log: Log | None = None
        self.profiles: Profiles | None = None
        with harmless(self.give_up):
            if self._rank.first:
                self._open()

    def _open(self) -> None:
        folder = folders.claim(self._wanted)
        facts = {
            "kind": "watch",
            "workload": folders.script(),
            "argv": sys.argv,
            "params": self._config,
            "unit": "step",
            "launch": folders.launch(),
            "processes": self._rank.size,
            "started": time.time(),
            "device_used": "cpu",
            "device_name": device_name(torch.device("cpu")),
        }
        self.log = self._thread = Log(folder, facts, self.give_up)
        self.log.start()
        self._use(folder)
        say(f"logging to {folder}")

    def _use(self, folder: Path) -> None:
        self.folder = folder
        first = self._rank.first
        self.profiles = Profiles(folder, first, self._plan, self._trace_file, self._device)

    def find_folder(self) -> None:
        """Of another rank than 0: the folder that rank 0 has made."""
        if self.folder is None and not self._rank.first:
            folder = folders.claimed(self._wanted, folders.launch())
            if folder is not None:
                self._use(folder)

    def _trace_file(self, what: str) -> Path:
        stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", Path(folders.script()).stem) or "script"
        name = f"{stem}-{what}{self._rank.suffix}.pt.trace.json.gz"
        return (self.folder or self._wanted) / "trace" / name

    def _device(self) -> torch.device:
        # The user's script decides whether there is CUDA: it must not begin here.
        if torch.cuda.is_initialized():
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("cpu")

    def keep(
        self, name: str, tag: str, value: Any, step: int, kind: Literal["step", "epoch"]
    ) -> None:
        """Take a value of the user's, or say why not."""
        try:
            kept = single(value)
        except (TypeError, ValueError, RuntimeError) as error:
            self._say_once(f"{name} is not logged: {error}")
            return
        self._values.add(Entry(tag, kept, step, time.time(), kind))

    def end_epoch(self, number: int) -> None:
        """An epoch is over, after all that was kept so far."""
        log = self.log
        if number == 1 and log is not None:
            log.note(unit="epoch")
        self._values.add(Entry("", 0.0, number, time.time(), "end"))

    def look(self) -> None:
        """Hand over the values that are on the host; see whether the script uses CUDA by now."""
        self.find_folder()
        log = self.log  # its thread may give it up meanwhile
        if log is None:
            return
        if not self._cuda and torch.cuda.is_initialized():
            self._cuda, device = True, self._device()
            log.note(device_used=str(device), device_name=device_name(device))
            log.use(device)
        log.put(self._values.take())

    def put(self, entries: list[Entry]) -> None:
        """Hand over values that are on the host."""
        log = self.log
        if log is not None:
            log.put(entries)

    def loader_facts(self, split: str, loader: Any) -> None:
        """What a loader tells, once for each split."""
        if split == "train":
            self._configure(loader)
        size = folders.size_of(loader)
        if size is not None and split in ("train", "val"):
            self._fact(f"n_{split}", size)

    def _configure(self, loader: Any) -> None:
        """Hyper-parameters, once: what the user gave, and the settings of the DataLoader."""
        log = self.log
        if self._configured or log is None:
            return
        self._configured = True
        params = {**folders.settings_of(loader), **self._config}
        log.note(params=params)
        log.configuration({"script": folders.script(), **params})
        for name in FACTS & params.keys():
            self._fact(name, params[name])
        for name in _EPOCHS:
            if name in params:
                self._fact("planned_epochs", params[name])

    def _fact(self, name: str, value: Any) -> None:
        tag = f"{SETUP}{name}"
        if isinstance(value, (int, float)) and tag not in self._said:
            self._said.add(tag)
            self.put([Entry(tag, float(value), 0, time.time())])

    def close(self, last: list[Entry], error: BaseException | None) -> None:
        """Write what is left.

        Args:
            last: values to be logged still.
            error: why the training ended, None where it ended well.
        """
        profiles, self.profiles = self.profiles, None
        with harmless(self.no_profiles):
            if profiles is not None:
                profiles.end_of_pass()
                if profiles.missed and error is None:
                    say(f"no profile: no pass had room for one after step {self._plan.after}")
        with harmless(self.give_up):
            if self.log is not None:
                self._configure(None)
                self.put([*last, *self._values.take(wait=True)])
        self.log = None
        with harmless(self.give_up):
            if self._thread is not None:
                self._thread.close(ended=time.time(), error=_told(error))

    def give_up(self, error: Exception) -> None:
        """Log no more."""
        self.log = None
        self._say_once(f"nothing more is logged, the training goes on: {_told(error)}")

    def no_profiles(self, error: Exception) -> None:
        """Record no more, and leave no profiler behind."""
        profiles, self.profiles = self.profiles, None
        self._say_once(f"no more profiles, the training goes on: {_told(error)}")
        if profiles is not None:
            with harmless(lambda _error: None):
                profiles.end_of_pass()

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            say(text)


def _told(error: BaseException | None) -> str | None:
    return None if error is None else f"{type(error).__name__}: {error}"[:300]
