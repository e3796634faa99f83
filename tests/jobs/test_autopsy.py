"""What a job died of, in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.jobs import Job
from core.jobs.autopsy import died_of


def job(state: str, error: str = "", code: int | None = None) -> Job:
    return Job(
        "a", "train", "digits", {}, "cpu", None, state, Path("a"), 0.0, error=error, exit_code=code
    )


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        ("The memory of the GPU is full. Lower batch_size.", 1, "GPU's memory"),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried", 1, "GPU's memory"),
        ("killed by signal 9 (SIGKILL)", -9, "memory runs out"),
        ("killed by signal 11 (SIGSEGV)", -11, "native code"),
        ("killed by signal 15 (SIGTERM)", -15, "outside the queue"),
        ("RuntimeError: DataLoader worker (pid 7) is killed by signal: Killed.", 1, "worker"),
        ("Training diverged: the loss is not finite since epoch 2.", 1, "Lower lr"),
        ("OSError: [Errno 28] No space left on device", 1, "space"),
        ("took more than its 150 MiB of memory", -15, "memory limit"),
        ("dropout must be at most 0.95", 2, "cannot be done: dropout"),
        ("ValueError: odd", 1, "It failed: ValueError: odd"),
    ],
)
def test_a_failed_job_says_what_it_died_of(error, code, words):
    assert words in died_of(job("failed", error, code))


def test_states_that_are_their_own_reason():
    assert died_of(job("succeeded")) == died_of(job("running")) == ""
    assert "on request" in died_of(job("cancelled"))
    assert "Relaunch" in died_of(job("lost"))
    assert "time limit" in died_of(job("timed-out", "over its time limit of 2 s"))
