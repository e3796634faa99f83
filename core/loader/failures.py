"""How trials go wrong, each in one sentence that says what happened and what to change.

Torch-free: it reads what a trial left on stderr. The words looked for are PyTorch's and Python's
own; the worker's exit code, which tells a kill from a crash when PyTorch's message does not, is
written there by :mod:`core.loader.trial`.
"""

from __future__ import annotations

import re
import signal
from pathlib import PurePath

WORKER_ENDED = "gpulse: worker ended with"
"""Written by a trial before the exit code of a worker that ended early."""

_LESS = "Lower num_workers, prefetch_factor or batch_size"

KNOWN: tuple[tuple[str, str], ...] = (
    (
        r"prefetch_factor option could only be specified in multiprocessing",
        "prefetch_factor was given without workers: leave it out, or set num_workers to 1 or more.",
    ),
    (
        r"persistent_workers option needs num_workers > 0",
        "persistent_workers was given without workers: leave it out, or set num_workers to 1 or "
        "more.",
    ),
    (
        r"No space left on device|[Ii]nsufficient shared memory|unable to allocate shared memory",
        f"Shared memory (/dev/shm) is full of batches on their way. {_LESS}, or enlarge it "
        "(docker run --shm-size).",
    ),
    (
        r"Too many open files|received 0 items of ancdata|unable to open shared memory object",
        "Too many files are open: each tensor on its way to the training loop holds one. Raise "
        "the limit (ulimit -n), or call torch.multiprocessing.set_sharing_strategy('file_system').",
    ),
    (
        r"Cannot re-initialize CUDA in forked subprocess",
        "CUDA was used before the workers were forked. Set multiprocessing_context to 'spawn' or "
        "'forkserver', and keep CUDA out of the dataset.",
    ),
    (
        r"start a new process before the\s+current process has finished its bootstrapping",
        "The script starts workers while it is being imported. Put what it runs under "
        "if __name__ == '__main__':.",
    ),
    (
        r"CUDA out of memory|CUDA error: out of memory|MPS backend out of memory",
        "The device's memory is full. Lower batch_size.",
    ),
    (
        r"Cannot allocate memory|DefaultCPUAllocator|MemoryError",
        f"The system's memory is full. {_LESS}.",
    ),
)  # fmt: skip
"""Pattern on stderr -> the sentence; the first that matches."""

NO_ACCELERATOR = "'pin_memory' argument is set as true but no accelerator is found"

_PICKLING = re.compile(
    r"(?:PicklingError|AttributeError|TypeError): ((?:Can't|cannot|Can't get) [^\n]*"
    r"(?:pickle|local object)[^\n]*)",
)
_RAGGED = re.compile(
    r"stack expects each tensor to be equal size, but got (\[[^\]]*\])[^\n]*?(\[[^\]]*\])"
    r"|each element in list of batch should be of equal size|resize storage that is not resizable"
)
_FRAME = re.compile(r'File "([^"]+)", line (\d+),? in (?:[\w.<>]+\.)?(\w+)')


def explain(code: int, stderr: str) -> str:
    """One sentence on how a trial ended.

    Args:
        code: of the trial's process; negative for a signal.
        stderr: all it and its workers wrote.
    """
    return (
        _known(stderr)
        or _unpicklable(stderr)
        or _ragged(stderr)
        or _dead_worker(stderr)
        or _sample(stderr)
        or _otherwise(code, stderr)
    )


def hung(limit_s: float, stderr: str) -> str:
    """One sentence on a trial that had to be ended, by where its processes say they were."""
    # An error in the thread that sends a worker's batches only loses one: the loop waits for ever.
    known = _known(stderr)
    if known:
        return known
    place = _place(stderr, "__getitem__") or _place(stderr, "__getitems__")
    if place:
        return (
            f"No result after {limit_s:.0f} s: a worker hangs in __getitem__ ({place}). Give what "
            "it waits for a time limit, and the DataLoader timeout=60."
        )
    return (
        f"No result after {limit_s:.0f} s: a worker or the step hangs, or is this slow. Try "
        "num_workers=0, or give the trial more time (trial_limit_s)."
    )


def remark(stderr: str) -> str:
    """One sentence on a setting that had no effect though its trial succeeded, else ""."""
    if NO_ACCELERATOR in stderr:
        return "pin_memory had no effect: there is no accelerator. Set it to False."
    return ""


def _known(stderr: str) -> str:
    return next((text for pattern, text in KNOWN if re.search(pattern, stderr)), "")


def _unpicklable(stderr: str) -> str:
    found = _PICKLING.search(stderr)
    if not found:
        return ""
    return (
        f"The dataset cannot be sent to a worker ({found[1].strip().rstrip('.')[:160]}). Define "
        "what it holds at the top of a module instead of as a lambda or local function, or set "
        "multiprocessing_context to 'fork'."
    )


def _ragged(stderr: str) -> str:
    found = _RAGGED.search(stderr)
    if not found:
        return ""
    shapes = f" ({found[1]} and {found[2]})" if found[1] else ""
    return f"Samples of one batch differ in shape{shapes}: pass a collate_fn that pads them."


def _dead_worker(stderr: str) -> str:
    named = re.search(r"is killed by signal: ([A-Za-z ]+)", stderr)
    ended = re.search(rf"{WORKER_ENDED} (-?\d+)", stderr)
    number = -int(ended[1]) if ended else 0
    word = named[1].strip() if named else ""
    if number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE) or (
        word in ("Segmentation fault", "Bus error", "Aborted")
    ):
        name = signal.Signals(number).name if number > 0 else word
        return (
            f"A worker crashed in native code ({name}). Update the library that reads the "
            "samples, or find the sample with num_workers=0."
        )
    if number == signal.SIGKILL or word == "Killed":
        return f"A worker was killed (SIGKILL), as the system does when memory runs out. {_LESS}."
    if word or number > 0:
        return f"A worker was ended by a signal ({word or number}). Find out who sent it."
    if re.search(r"exited unexpectedly|ConnectionResetError|ConnectionRefusedError", stderr):
        return "A worker ended without saying why. Run with num_workers=0 to see its error."
    return ""


def _sample(stderr: str) -> str:
    """An exception in the dataset, with its place."""
    place = _place(stderr, "__getitem__")
    if not place:
        return ""
    error = _last_line(stderr)[:200].rstrip(".")
    return f"__getitem__ raised {error} ({place}). Repair that sample or skip it."


def _place(stderr: str, function: str) -> str:
    """``file.py, line N`` of the last frame of a function in a user's file, else ""."""
    frames = [m for m in _FRAME.finditer(stderr) if m[3] == function and "/torch/" not in m[1]]
    return f"{PurePath(frames[-1][1]).name}, line {frames[-1][2]}" if frames else ""


def _last_line(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith(("Exception ignored", WORKER_ENDED))]
    return lines[-1] if lines else ""


def _otherwise(code: int, stderr: str) -> str:
    if code == -signal.SIGKILL:
        return f"The trial was killed (SIGKILL), as the system does when memory runs out. {_LESS}."
    if code < 0:
        return f"The trial was ended by signal {-code} ({_signal_name(-code)})."
    last = _last_line(stderr)
    return f"The trial failed: {last[:300]}" if last else f"The trial ended with code {code}."


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
