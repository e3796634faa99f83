"""A trial or probe as a process: started, limited in time, killed with all its workers.

Torch-free.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import JobFailed
from core.loader.costs import Costs
from core.loader.failures import explain, hung, remark
from core.loader.results import Trial
from core.loader.setting import Setting

SCRATCH = ".partial"
"""Hidden sub-folder of the run folder for the trials' answers."""


TELL_S = 2.0
"""So long before it is killed a process is told to say where it hangs."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: ``code`` is None where it had to be killed for its time."""

    code: int | None
    answer: dict[str, Any] | None
    stderr: str
    wall_s: float


def ask(folder: Path, module: str, question: dict[str, Any], limit_s: float) -> Ended:
    """Give a question to ``python -m module ANSWER`` as JSON on stdin and wait for its answer.

    Args:
        folder: scratch files go to a hidden sub-folder of it.
        limit_s: after this many seconds the process and all it started are killed.
    """
    scratch = folder / SCRATCH
    scratch.mkdir(exist_ok=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=scratch) as place:
        answer, errors = Path(place) / "answer.json", Path(place) / "stderr.txt"
        # Before it is killed for its time it writes down where it is.
        full = {**question, "tell_at": started + limit_s - TELL_S}
        code = _run(module, full, answer, errors, limit_s)
        known = code == 0 and answer.is_file()
        return Ended(
            code=code,
            answer=json.loads(answer.read_text(encoding="utf-8")) if known else None,
            stderr=errors.read_text(encoding="utf-8", errors="replace"),
            wall_s=round(time.monotonic() - started, 3),
        )


def run_trial(
    folder: Path, question: dict[str, Any], setting: Setting, number: int, limit_s: float
) -> Trial:
    """Measure one setting in a fresh process.

    Args:
        folder: run folder.
        question: see :mod:`core.loader.trial`, without ``setting``.
        number: of the round.
        limit_s: after this many seconds the process and its workers are killed.

    Returns:
        The trial; one that crashed or hung is a result too, with its reason.
    """
    full = {**question, "setting": setting.to_json()}
    ended = ask(folder, "core.loader.trial", full, limit_s)
    if ended.code is None:
        reason = hung(limit_s, ended.stderr)
        return Trial(setting, number, "timeout", reason, wall_s=ended.wall_s)
    if ended.answer is None:
        reason = explain(ended.code, ended.stderr)
        return Trial(setting, number, "failed", reason, wall_s=ended.wall_s)
    fields = {**ended.answer, "block_s": tuple(ended.answer["block_s"])}
    return Trial(setting, number, "ok", remark(ended.stderr), wall_s=ended.wall_s, **fields)


def run_probe(folder: Path, question: dict[str, Any], limit_s: float) -> Costs:
    """Time the parts of the pipeline in a fresh process: see :mod:`core.loader.probe`.

    Raises:
        JobFailed: it could not be done; says why in one sentence.
    """
    ended = ask(folder, "core.loader.probe", question, limit_s)
    if ended.code is None:
        raise JobFailed(hung(limit_s, ended.stderr))
    if ended.answer is None:
        raise JobFailed(explain(ended.code, ended.stderr))
    return Costs.from_json(ended.answer)


def remove_scratch(folder: Path) -> None:
    """Remove the hidden sub-folder once it is empty."""
    scratch = folder / SCRATCH
    if scratch.is_dir() and not any(scratch.iterdir()):
        scratch.rmdir()


def _run(
    module: str, question: dict[str, Any], answer: Path, errors: Path, limit_s: float
) -> int | None:
    """The exit code of the process, None if it had to be killed for its time."""
    command = [sys.executable, "-m", module, str(answer)]
    with errors.open("wb") as stderr:
        # A process group of its own: workers can be killed with it, and it stays in our session.
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=stderr, stderr=stderr, process_group=0
        )
        try:
            child.communicate(json.dumps(question).encode(), timeout=limit_s)
        except subprocess.TimeoutExpired:
            return None
        finally:
            _kill_group(child)
    return child.returncode


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    """End the process and its workers, also those that outlived it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
