"""Every way a trial can fail, produced for real: one sentence, and the search goes on."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from core.loader import Setting, Trial
from core.loader.failures import explain, hung, remark
from core.loader.processes import run_trial

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow

SMALL_SHM = """
import json, pathlib, sys
from core.loader.processes import run_trial
from core.loader import Setting
question = json.loads(sys.argv[1])
trial = run_trial(pathlib.Path(sys.argv[2]), question, Setting.of(2, 64, 4), 1, 60.0)
print(json.dumps([trial.status, trial.reason]))
"""


def question(workload: str, **more: Any) -> dict[str, object]:
    return {"workload": workload, "device": "cpu", "seed": 0, "measure_s": 0.2, **more}


def failed(tmp_path: Path, name: str, setting: Setting, limit_s: float = 40.0) -> Trial:
    """A trial that must not succeed and must say why in one line that says what to change."""
    trial = run_trial(tmp_path, question(name), setting, 1, limit_s)
    assert (trial.status, trial.samples_per_s) != ("ok", None)
    assert trial.samples_per_s is None
    assert "\n" not in trial.reason
    assert trial.reason.endswith(".")
    return trial


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_full_shared_memory(tmp_path, user_workload):
    probe = ["unshare", "--mount", "mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", "/dev/shm"]
    allowed = shutil.which("unshare") and subprocess.run(probe, capture_output=True).returncode == 0
    if not allowed:
        pytest.skip("a small /dev/shm of its own needs the right to mount (unshare --mount)")
    import json

    name = user_workload(sample="torch.zeros(150_000)")
    (tmp_path / "small.py").write_text(SMALL_SHM, encoding="utf-8")
    mount = 'mount -t tmpfs -o size=16m tmpfs /dev/shm && exec "$@"'
    words = [sys.executable, str(tmp_path / "small.py"), json.dumps(question(name)), str(tmp_path)]
    env = {**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"}
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", mount, "sh", *words],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    status, reason = json.loads(done.stdout)
    assert status == "failed"
    assert reason.startswith("Shared memory (/dev/shm) is full")
    assert "Lower num_workers" in reason


def test_too_many_open_files(tmp_path, user_workload):
    # A sample of many tensors: each holds a file while its batch is on its way.
    name = user_workload(sample="{str(i): torch.zeros(4) for i in range(40)}")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (96, limits[1]))
    try:
        trial = failed(tmp_path, name, Setting.of(2, 4, 4), 20.0)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert trial.reason.startswith("Too many files are open")
    assert "ulimit -n" in trial.reason


def test_a_worker_that_is_killed(tmp_path, user_workload):
    name = user_workload("os.kill(os.getpid(), signal.SIGKILL)")
    trial = failed(tmp_path, name, Setting.of(1, 8))
    assert trial.reason.startswith("A worker was killed (SIGKILL)")
    assert "Lower num_workers" in trial.reason


def test_a_worker_that_crashes_in_native_code(tmp_path, user_workload):
    name = user_workload("import ctypes; ctypes.string_at(0)")
    trial = failed(tmp_path, name, Setting.of(1, 8))
    assert trial.reason.startswith("A worker crashed in native code (SIGSEGV)")


def test_without_workers_the_trial_itself_dies_and_the_signal_is_named(tmp_path, user_workload):
    name = user_workload("os.kill(os.getpid(), signal.SIGSEGV)")
    trial = failed(tmp_path, name, Setting.of(0, 8))
    assert trial.reason == "The trial was ended by signal 11 (SIGSEGV)."


def test_a_worker_that_hangs_is_killed_with_its_group_and_its_line_named(tmp_path, user_workload):
    mark = tmp_path / "pids"
    name = user_workload(f"open({str(mark)!r}, 'a').write(f'{{os.getpid()}} '); time.sleep(1e6)")
    started = time.monotonic()
    trial = failed(tmp_path, name, Setting.of(2, 8), 25.0)
    assert trial.status == "timeout"
    assert trial.reason.startswith("No result after 25 s: a worker hangs in __getitem__")
    assert "own_loader.py, line 15" in trial.reason
    assert time.monotonic() - started < 40
    workers = {int(pid) for pid in mark.read_text().split()}
    deadline = time.monotonic() + 5
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert workers
    assert not any(map(alive, workers))


@pytest.mark.parametrize("workers", [0, 1])
def test_an_exception_in_getitem_is_named_with_its_line(tmp_path, user_workload, workers):
    name = user_workload("raise OSError('image file is truncated')")
    trial = failed(tmp_path, name, Setting.of(workers, 8))
    assert trial.reason == (
        "__getitem__ raised OSError: image file is truncated (own_loader.py, line 15). "
        "Repair that sample or skip it."
    )


@pytest.mark.parametrize("context", ["spawn", "forkserver"])
def test_a_dataset_that_cannot_be_sent_to_a_worker(tmp_path, user_workload, context):
    name = user_workload(init="self.lines = lambda index: index")
    trial = failed(tmp_path, name, Setting.of(1, 8, multiprocessing_context=context))
    assert trial.reason.startswith("The dataset cannot be sent to a worker")
    assert "lambda" in trial.reason


@pytest.mark.parametrize("workers", [0, 1])
def test_ragged_samples(tmp_path, user_workload, workers):
    name = user_workload(sample="torch.zeros(3 + index % 2)")
    trial = failed(tmp_path, name, Setting.of(workers, 8))
    assert trial.reason.startswith("Samples of one batch differ in shape")
    assert "collate_fn" in trial.reason


@pytest.mark.parametrize(
    ("change", "word"),
    [({"prefetch_factor": 2}, "prefetch_factor"), ({"persistent_workers": True}, "persistent_w")],
)
def test_arguments_that_need_workers(tmp_path, user_workload, change, word):
    trial = failed(tmp_path, user_workload(), replace(Setting.of(0, 8), **change))
    assert trial.reason.startswith(f"{word}")
    assert "leave it out" in trial.reason


def test_pinning_without_an_accelerator_is_remarked_on(tmp_path, user_workload):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has an accelerator")
    trial = run_trial(tmp_path, question(user_workload()), Setting.of(1, 8, pin_memory=True), 1, 40)
    assert trial.status == "ok"
    assert trial.reason == "pin_memory had no effect: there is no accelerator. Set it to False."


@pytest.mark.parametrize(
    ("code", "stderr", "sentence"),
    [
        (1, "RuntimeError: Cannot re-initialize CUDA in forked subprocess. To use CUDA with "
            "multiprocessing, you must use the 'spawn' start method", "CUDA was used before the"),
        (1, "torch.OutOfMemoryError: CUDA out of memory. Tried to", "The device's memory is full"),
        (1, "RuntimeError: [enforce fail] DefaultCPUAllocator: can't", "The system's memory is"),
        (1, "An attempt has been made to start a new process before the\n        current process "
            "has finished its bootstrapping phase.", "The script starts workers while it is"),
        (1, "RuntimeError: DataLoader worker (pid 7) exited unexpectedly", "A worker ended with"),
        (1, "DataLoader worker (pid 7) is killed by signal: Bus error. It is possible that "
            "dataloader's workers are out of shared memory. Insufficient shared memory",
            "Shared memory (/dev/shm) is full"),
        (1, "Trace\n  x\nValueError: odd\n\n", "The trial failed: ValueError: odd"),
        (-9, "", "The trial was killed (SIGKILL)"),
        (3, "", "The trial ended with code 3."),
    ],
)  # fmt: skip
def test_what_cannot_be_produced_here_is_known_by_its_words(code, stderr, sentence):
    assert explain(code, stderr).startswith(sentence)


def test_a_hang_without_a_place_says_what_to_try():
    assert "num_workers=0" in hung(9, "")


def test_nothing_is_remarked_on_a_trial_that_left_no_word():
    assert remark("") == ""
