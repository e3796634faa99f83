"""Profiles that are asked for while a job runs: a request file in its run folder.

``profile.request`` holds ``{"id": str, "steps": int, "with_stack": bool}``; the loop looks for it
between two steps, at most twice a second, and removes it once the trace is written.
"""

from __future__ import annotations

import json
import logging
import re
import time
from typing import Any

from torch.profiler import profile

from core.training.profiling import Window, make_profiler
from core.training.ranks import this_rank
from core.training.session import Session

FILE_NAME = "profile.request"
EVERY_S = 0.5
MOST_STEPS = 200
_LOG = logging.getLogger(__name__)


class OnDemand:
    """Honours requests between the steps of a training; in every one of its processes."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._file = session.job.folder / FILE_NAME
        self._honoured: set[str] = set()
        self._looked = 0.0
        self._profiler: profile | None = None
        self._left = 0

    def after_step(self, step: int, steps: int) -> None:
        """Go on with a profile, or see whether one is asked for.

        Args:
            step: steps done in this epoch.
            steps: of the epoch. A profile begins where the rest of the epoch has room for it:
                validation does not belong into it.
        """
        if self._profiler is not None:
            self._go_on()
        elif time.monotonic() - self._looked >= EVERY_S:
            self._looked = time.monotonic()
            asked = self._request()
            if asked is not None:
                wanted = min(asked["steps"], max(1, steps - 2))
                if steps - step > wanted:
                    self._begin(asked, wanted)

    def _request(self) -> dict[str, Any] | None:
        try:
            content = json.loads(self._file.read_text(encoding="utf-8"))
            name = re.sub(r"[^A-Za-z0-9_-]", "", str(content["id"]))[:40]
            steps = max(1, min(int(content["steps"]), MOST_STEPS))
            stacks = bool(content.get("with_stack"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            self._forget("the request for a profile cannot be read")
            return None
        if not name or name in self._honoured:
            return None
        return {"id": name, "steps": steps, "with_stack": stacks}

    def _begin(self, asked: dict[str, Any], steps: int) -> None:
        self._honoured.add(asked["id"])
        trace = self._session.trace_file(f"asked-{asked['id']}")
        window = Window(0, 1, steps)
        self._profiler = make_profiler(trace, window, self._session.device, asked["with_stack"])
        self._left = window.total
        _LOG.info("recording %d steps, as asked for", steps)
        self._profiler.start()

    def _go_on(self) -> None:
        if self._profiler is None:
            return
        self._profiler.step()
        self._left -= 1
        if self._left == 0:
            self._profiler.stop()
            self._profiler = None
            self._forget("trace written, as asked for")

    def _forget(self, why: str) -> None:
        if this_rank().first:
            _LOG.info(why)
            self._file.unlink(missing_ok=True)
