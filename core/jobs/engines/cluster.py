"""What the engines of a cluster share: attempts are jobs of its own, their files in the run folder.

The cluster's nodes must share the run folders with this machine, and the code at the same path.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

from core.jobs.engines import Attempt
from core.jobs.engines import attempts as files
from core.jobs.engines.attempts import MODULES

FOLDER = ".attempts"
"""Sub-folder of a run folder in which guards keep their files."""


class ClusterEngine:
    """The common half of such an engine.

    Args:
        state: state folder; its path, shortened, keeps the names of two servers' jobs apart.
        modules: Python module to run for each kind.
    """

    def __init__(self, state: Path, modules: Mapping[str, str] = MODULES) -> None:
        self._state = state
        self._modules = modules
        self._prefix = "gpulse-" + hashlib.sha256(str(state).encode()).hexdigest()[:8]
        self._folders: dict[str, Path] = {}

    def argv(self, attempt: Attempt) -> list[str]:
        """The command line of the job process."""
        return files.job_argv(attempt, self._modules)

    def _name(self, attempt: Attempt) -> str:
        """Of the cluster's job, and the cookie of its processes."""
        return f"{self._prefix}-{attempt.key}"

    def _folder(self, attempt: Attempt) -> Path:
        """Where the attempt's guard keeps its files."""
        folder = attempt.run_dir / FOLDER / attempt.key
        self._folders[attempt.key] = folder
        return folder

    def _guarded(
        self, attempt: Attempt, grace_s: float, *before: str
    ) -> tuple[dict[str, str], list[str]]:
        """(environment, command line) of the attempt under a guard that has no supervisor near.

        Args:
            attempt: which one.
            grace_s: seconds between SIGTERM and SIGKILL.
            before: words in front of the job's own command line.
        """
        environment = files.environment(self._state, self._name(attempt))
        if attempt.needs.gpus:
            environment["GPULSE_GPUS"] = "cluster"
        options = ("--alone", "--grace", f"{grace_s:g}")
        argv = [*before, *self.argv(attempt)]
        command = files.guard_argv(self._folder(attempt), attempt, argv, *options)
        return environment, command

    def read_log(self, attempt: Attempt, offset: int = 0, limit: int = 65_536) -> tuple[bytes, int]:
        """(what the run's log holds from ``offset``, the offset after it)."""
        return files.read_log(attempt, offset, limit)

    def forget(self, key: str) -> None:
        """Remove the attempt's files."""
        folder = self._folders.pop(key, None)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def known(self) -> list[str]:
        """Nothing: what is kept about an attempt is kept in its run folder."""
        return []
