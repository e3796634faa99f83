"""Values on their way from the loop to the log; those on a device are never waited for one by one.

A tensor is copied where it is (its storage may be used again) and kept. All that were kept are
stacked and copied to the host at once, on CUDA without waiting: the copy is read when an event
says that it has arrived.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor


@dataclass(slots=True)
class Entry:
    """One value to be logged.

    Attributes:
        tag: of the scalar.
        value: a number; a tensor of one element until it has been read.
        step: of the scalar.
        time: seconds since the epoch (UTC).
        kind: a value of a step counts to the mean over its epoch; a value of an epoch replaces
            that mean; the end of an epoch is no value, but says that its means are due.
    """

    tag: str
    value: Any
    step: int
    time: float
    kind: Literal["plain", "step", "epoch", "end"] = "plain"


def single(value: Any) -> float | Tensor:
    """A number, or a copy of a tensor of one element that can be kept.

    Raises:
        ValueError, TypeError: it is neither.
    """
    if not isinstance(value, Tensor):
        return float(value)
    if value.numel() != 1:
        raise ValueError(f"a tensor of shape {tuple(value.shape)} is no single value")
    return value.detach().reshape(()).clone()


class _Transfer:
    """Entries whose tensors are being copied to the host."""

    def __init__(self, entries: list[Entry]) -> None:
        self._entries = entries
        groups: dict[torch.device, list[Entry]] = {}
        for entry in entries:
            if isinstance(entry.value, Tensor):
                groups.setdefault(entry.value.device, []).append(entry)
        self._copies: list[tuple[list[Entry], Tensor]] = []
        self._events: list[Any] = []
        for device, group in groups.items():
            together = torch.stack([entry.value for entry in group])
            self._copies.append((group, together.to("cpu", non_blocking=device.type == "cuda")))
            if device.type == "cuda":
                self._events.append(torch.cuda.current_stream(device).record_event())

    def arrived(self) -> bool:
        return all(event.query() for event in self._events)

    def read(self) -> list[Entry]:
        for event in self._events:
            event.synchronize()
        for group, copy in self._copies:
            for entry, value in zip(group, copy.tolist(), strict=True):
                entry.value = float(value)
        return self._entries


class Values:
    """Entries in the order in which they were logged."""

    def __init__(self) -> None:
        self._kept: list[Entry] = []
        self._transfer: _Transfer | None = None

    def add(self, entry: Entry) -> None:
        """Keep an entry."""
        self._kept.append(entry)

    def take(self, wait: bool = False) -> list[Entry]:
        """The entries whose values are on the host, and begin to fetch the others.

        Args:
            wait: for the device, so that none is left.
        """
        found: list[Entry] = []
        for _ in range(2):  # what is on its way already, then what was kept since
            if self._transfer is not None:
                if not (wait or self._transfer.arrived()):
                    break
                transfer, self._transfer = self._transfer, None
                found += transfer.read()
            if self._kept:
                kept, self._kept = self._kept, []
                self._transfer = _Transfer(kept)
        return found
