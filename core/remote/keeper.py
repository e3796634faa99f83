"""Keeping mirrors fresh in the background, so that no page waits for the network."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import GpulseError
from core.remote.mirror import sync
from core.settings import settings, shown_url

EVERY_S = 15.0
"""Seconds between the end of one look at a remote folder and the next."""


@dataclass(frozen=True, slots=True)
class Status:
    """How it stands with one remote folder.

    Attributes:
        url: without its password.
        fetching: the first look since the server started is still under way.
        problems: one line each, of the last look.
        changes: how many looks have changed the mirror.
    """

    url: str
    fetching: bool
    problems: tuple[str, ...]
    changes: int


class _Watched:
    """One remote folder and the thread that looks at it now and then."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._thread: threading.Thread | None = None
        self._next = 0.0
        self._looks = self._changes = 0
        self._problems: tuple[str, ...] = ()

    def start_if_due(self, every_s: float) -> threading.Thread | None:
        """Start a look when one is due; the thread if this is the first look of all."""
        running = self._thread is not None and self._thread.is_alive()
        if running or time.monotonic() < self._next:
            return None
        self._thread = threading.Thread(
            target=self._look, args=(every_s,), name="gpulse-remote", daemon=True
        )
        self._thread.start()
        return self._thread if self._looks == 0 else None

    def _look(self, every_s: float) -> None:
        try:
            mirror = sync(self._url)
            self._problems = mirror.problems
            self._changes += mirror.changed
        except GpulseError as error:
            self._problems = (str(error),)
        finally:
            self._next = time.monotonic() + every_s
            self._looks += 1

    def status(self) -> Status:
        return Status(shown_url(self._url), self._looks == 0, self._problems, self._changes)


class Keeper:
    """Looks at remote folders in threads of its own; for use from any thread."""

    def __init__(self, every_s: float = EVERY_S) -> None:
        self._every_s = every_s
        self._lock = threading.Lock()
        self._watched: dict[str, _Watched] = {}

    def look(self, urls: Sequence[str], wait_s: float = 1.0) -> tuple[Status, ...]:
        """Start the looks that are due and tell how each remote folder stands.

        Args:
            urls: the remote folders.
            wait_s: seconds to wait for first looks; nothing else is ever waited for.
        """
        with self._lock:
            watched = [
                self._watched.setdefault(str(settings().mirror(url)), _Watched(url)) for url in urls
            ]
            started = [thread for one in watched if (thread := one.start_if_due(self._every_s))]
        deadline = time.monotonic() + wait_s
        for thread in started:
            thread.join(max(0.0, deadline - time.monotonic()))
        return tuple(one.status() for one in watched)
