"""What a job died of, in one sentence that says what to do. Told from its state, code and error."""

from __future__ import annotations

import re

from core.jobs.model import Job

_CAUSES: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"CUDA out of memory|memory of the GPU is full|OutOfMemoryError", re.I),
        "The GPU's memory was full. Lower batch_size, or train in lower precision.",
    ),
    (
        re.compile(r"took more than its \d+ MiB"),
        "It passed the memory limit it was launched with. Raise the limit or lower num_workers.",
    ),
    (
        re.compile(r"over its time limit"),
        "It passed its time limit. Raise the limit, or resume it from its last checkpoint.",
    ),
    (
        re.compile(r"DataLoader worker .*(killed by signal|exited unexpectedly)", re.I),
        "A DataLoader worker was killed, most often because memory ran out. Lower num_workers, "
        "prefetch_factor or batch_size.",
    ),
    (
        re.compile(r"No space left on device", re.I),
        "A disk or the shared memory was full. Free some space; with DataLoader workers, enlarge "
        "/dev/shm or lower prefetch_factor.",
    ),
    (
        re.compile(r"Too many open files", re.I),
        "It had too many files open. Raise the limit with ulimit -n, or lower num_workers.",
    ),
    (
        re.compile(r"diverged|loss is not finite|\bnan\b", re.I),
        "Training diverged: the loss became NaN or infinite. Lower lr or check the data.",
    ),
    (
        re.compile(r"killed by signal 9\b"),
        "The system killed it (SIGKILL), as it does when memory runs out. Lower batch_size or "
        "num_workers, or look into the system's log.",
    ),
    (
        re.compile(r"killed by signal (11|7|4)\b"),
        "It crashed in native code (a segmentation fault or the like), most often in an extension "
        "or a data library. Try num_workers = 0 to see where.",
    ),
    (
        re.compile(r"killed by signal (15|2|1)\b"),
        "Somebody outside the queue told it to end.",
    ),
    (
        re.compile(r"ModuleNotFoundError|No module named"),
        "A package is missing in the environment of the server. Install it there.",
    ),
)


def died_of(job: Job) -> str:
    """Why a job is over without having succeeded, "" for one that succeeded or is not over."""
    if not job.final or job.state == "succeeded":
        return ""
    if job.state == "cancelled":
        return "It was stopped on request."
    if job.state == "lost":
        return (
            "It vanished without an exit code: the machine went down, or its processes were "
            "killed. Relaunch it; with retries it would be begun again by itself."
        )
    for pattern, sentence in _CAUSES:
        if pattern.search(job.error):
            return sentence
    if job.exit_code == 2:
        return f"What it was asked for cannot be done: {job.error}"
    return f"It failed: {job.error}" if job.error else f"It failed with exit code {job.exit_code}."
