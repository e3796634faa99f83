"""A trial as a process: started, limited in time, killed with all its workers, its end explained.

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
from pathlib import Path
from typing import Any

from core.loader.results import Setting, Trial

SCRATCH = ".partial"
"""Hidden sub-folder of the run folder for the trials' answers."""

CAUSES = (
    ("No space left on device", "shared memory is full; lower batch_size or prefetch_factor"),
    ("Too many open files", "too many open files; raise the limit with ulimit -n"),
    ("out of memory", "the device's memory is full; lower batch_size"),
    ("killed by signal", "a worker was killed, as the system does when memory runs out"),
    ("Can't pickle", "the dataset cannot be sent to a worker; define it in a module"),
    ("cannot pickle", "the dataset cannot be sent to a worker; define it in a module"),
)
"""What DataLoader's errors say -> what happened and what to do."""


def run_trial(
    folder: Path, question: dict[str, Any], setting: Setting, number: int, limit_s: float
) -> Trial:
    """Measure one setting in a fresh process.

    Args:
        folder: run folder; scratch files go to a hidden sub-folder.
        question: see :mod:`core.loader.trial`, without ``setting``.
        number: of the round.
        limit_s: after this many seconds the process and its workers are killed.

    Returns:
        The trial; one that crashed or hung is a result too, with its reason.
    """
    scratch = folder / SCRATCH
    scratch.mkdir(exist_ok=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=scratch) as place:
        answer, errors = Path(place) / "answer.json", Path(place) / "stderr.txt"
        full = {**question, "setting": _plain(setting)}
        code = _run(full, answer, errors, limit_s)
        wall_s = round(time.monotonic() - started, 3)
        if code is None:
            reason = f"No result after {limit_s:.0f} s: a worker or the step hangs."
            return Trial(setting, number, "timeout", reason, wall_s=wall_s)
        if code == 0 and answer.is_file():
            fields = json.loads(answer.read_text(encoding="utf-8"))
            fields["block_s"] = tuple(fields["block_s"])
            return Trial(setting, number, "ok", wall_s=wall_s, **fields)
        text = errors.read_text(encoding="utf-8", errors="replace")
        return Trial(setting, number, "failed", explain(code, text), wall_s=wall_s)


def _plain(setting: Setting) -> dict[str, Any]:
    return {
        "num_workers": setting.num_workers,
        "pin_memory": setting.pin_memory,
        "prefetch_factor": setting.prefetch_factor,
    }


def _run(question: dict[str, Any], answer: Path, errors: Path, limit_s: float) -> int | None:
    """The exit code of the trial's process, None if it had to be killed for its time."""
    command = [sys.executable, "-m", "core.loader.trial", str(answer)]
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
    """End the trial and its workers, also those that outlived it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def explain(code: int, stderr: str) -> str:
    """One sentence on how a trial ended: the known causes, else the last line it left."""
    for words, cause in CAUSES:
        if words in stderr:
            return cause[0].upper() + cause[1:] + "."
    if code < 0:
        return f"The trial was ended by signal {-code} ({_signal_name(-code)})."
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    return f"The trial failed: {lines[-1]}" if lines else f"The trial ended with code {code}."


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
