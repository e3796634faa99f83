"""The one boundary between watching and the training that is watched."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def harmless(then: Callable[[Exception], object]) -> Iterator[None]:
    """Hand whatever goes wrong inside to ``then``: watching must never end a training."""
    try:
        yield
    except Exception as error:  # noqa: BLE001
        then(error)


def say(text: str) -> None:
    """One line to the user, on stderr."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"watch: {' '.join(text.split())}\n")
