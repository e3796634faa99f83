"""The log of a job: its tail for the page, and the one line that says why it failed."""

from __future__ import annotations

import re
import shutil
import signal
from pathlib import Path

LOG_NAME = "log.txt"
_ERROR_TAIL_BYTES = 64 * 1024
_ERROR_CHARS = 400
FULL_BYTES = 128 * 1024
"""With less space than this neither a log line nor a small record is sure to be written."""
_ESCAPE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_TRACEBACK = "Traceback (most recent call last):"
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(: .*)?$")
_PREFIX = "error: "


def tail(path: Path, tail_bytes: int) -> str:
    """The end of a text file, whole lines, as a terminal would show it.

    Colours are dropped and, of a progress bar that overwrote itself, the last state is kept.
    A file that is not there is an empty one.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - tail_bytes))
            raw = file.read(tail_bytes)
    except OSError:
        return ""
    if size > tail_bytes:
        raw = raw.partition(b"\n")[2] or raw
    text = _ESCAPE.sub("", raw.decode("utf-8", errors="replace")).replace("\r\n", "\n")
    return "\n".join(_overwritten(line) for line in text.split("\n"))


def _overwritten(line: str) -> str:
    return _CONTROL.sub("", line.rstrip("\r").rpartition("\r")[2])


def error_line(run_dir: Path, exit_code: int) -> str:
    """Why a job process failed, in one line: the signal, or the last error in its log.

    That is the later of the last ``error: …`` line and the exception of the last traceback
    (what interpreters print after it, such as warnings at exit, is no reason), else the last line.
    """
    if exit_code < 0:
        return f"killed by signal {-exit_code} ({_signal_name(-exit_code)})"
    lines = tail(run_dir / LOG_NAME, _ERROR_TAIL_BYTES).splitlines()
    for index in range(len(lines) - 1, -1, -1):
        if lines[index].startswith(_PREFIX):
            return _cut(lines[index][len(_PREFIX) :])
        if lines[index] == _TRACEBACK and (found := _exception(lines[index + 1 :])):
            return _cut(found)
    last = next((line for line in reversed(lines) if line.strip()), "")
    return _cut(last) or f"ended with exit code {exit_code} and an empty log"


def full_disk(run_dir: Path) -> str:
    """One line where the disk of a run folder is full: then the log cannot say so itself."""
    try:
        free = shutil.disk_usage(run_dir).free
    except OSError:
        return ""
    if free >= FULL_BYTES:
        return ""
    return f"No space left on device: the disk of {run_dir} is full. Free some space and rerun."


def _exception(lines: list[str]) -> str | None:
    """The first line after a traceback's indented frames."""
    for line in lines:
        if line and not line[0].isspace():
            return line if _EXCEPTION.match(line) else None
    return None


def _cut(line: str) -> str:
    line = " ".join(line.split())
    return line if len(line) <= _ERROR_CHARS else line[: _ERROR_CHARS - 1] + "…"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
