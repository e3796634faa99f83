"""Trials in processes of their own: crashes and hangs are results, the budget is kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from core.errors import JobFailed
from core.loader import Setting, Trial, processes, read_trials, recommend, tune
from core.loader.__main__ import main
from core.loader.processes import explain, run_trial

QUICK = {"batch_size": 8, "rounds": 1, "measure_s": 0.2, "max_workers": 1}


def question(workload: str) -> dict[str, object]:
    return {"workload": workload, "device": "cpu", "batch_size": 8, "seed": 0, "measure_s": 0.2}


@pytest.mark.slow
def test_a_tuning_measures_every_setting_and_recommends(make_job, user_workload):
    folder = make_job(user_workload("time.sleep(0.002)"), **QUICK)
    tune.tune(folder)
    trials = read_trials(folder)
    assert trials.finished
    assert [(t.setting.num_workers, t.status) for t in trials.trials] == [(0, "ok"), (1, "ok")]
    alone = trials.trials[0]
    assert alone.samples_per_s is not None
    assert alone.wait_share is not None
    # 2 ms a sample cannot give more than 500 samples/s, and nearly all of the step is waiting.
    assert 20 < alone.samples_per_s < 500
    assert alone.wait_share > 0.5
    assert alone.steps >= 8
    assert recommend(trials).best is not None
    assert "no effect without a CUDA device" in trials.notes[0]
    progress = json.loads((folder / "progress.json").read_text())
    assert (progress["done"], progress["total"], progress["unit"]) == (2, 2, "trial")
    assert list(folder.glob("*tfevents*"))
    assert not (folder / processes.SCRATCH).exists()


def test_a_dataset_that_raises_is_a_result_with_its_last_line(tmp_path, user_workload):
    name = user_workload("raise OSError('image file is truncated')")
    trial = run_trial(tmp_path, question(name), Setting(0, False), 1, 60.0)
    assert (trial.status, trial.samples_per_s) == ("failed", None)
    assert trial.reason == "The trial failed: OSError: image file is truncated"


def test_a_worker_that_is_killed_is_a_result(tmp_path, user_workload):
    name = user_workload("os.kill(os.getpid(), signal.SIGKILL)")
    trial = run_trial(tmp_path, question(name), Setting(1, False), 1, 60.0)
    assert trial.status == "failed"
    assert "\n" not in trial.reason
    assert trial.reason


def test_a_trial_that_dies_by_a_signal_names_it(tmp_path, user_workload):
    name = user_workload("os.kill(os.getpid(), signal.SIGSEGV)")
    trial = run_trial(tmp_path, question(name), Setting(0, False), 1, 60.0)
    assert trial.reason == "The trial was ended by signal 11 (SIGSEGV)."


@pytest.mark.slow
def test_a_hanging_worker_is_killed_with_its_whole_group(tmp_path, user_workload):
    mark = tmp_path / "pids"
    name = user_workload(f"open({str(mark)!r}, 'a').write(f'{{os.getpid()}} '); time.sleep(1e6)")
    started = time.monotonic()
    trial = run_trial(tmp_path, question(name), Setting(1, False), 1, 12.0)
    assert trial.status == "timeout"
    assert trial.reason == "No result after 12 s: a worker or the step hangs."
    assert time.monotonic() - started < 20
    workers = {int(pid) for pid in mark.read_text().split()}
    deadline = time.monotonic() + 5
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert workers
    assert not any(map(alive, workers))


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def fake_trials(monkeypatch):
    """Replace the process of a trial; the list of what was asked for."""
    asked: list[tuple[int, Setting, float]] = []

    def install(answer):
        def run(folder, question, setting, number, limit_s):
            asked.append((number, setting, limit_s))
            return answer(setting, number, limit_s)

        monkeypatch.setattr(tune, "run_trial", run)
        return asked

    return install


def test_a_tuning_in_which_everything_fails_is_a_failed_job(make_job, fake_trials):
    folder = make_job("digits", **QUICK)
    fake_trials(lambda s, n, limit: Trial(s, n, "failed", "Shared memory is full."))
    with pytest.raises(JobFailed, match="No setting could be measured: Shared memory is full"):
        tune.tune(folder)
    assert len(read_trials(folder).trials) == 2


def test_the_budget_ends_a_tuning_and_is_said(make_job, fake_trials):
    folder = make_job("digits", **{**QUICK, "rounds": 50, "budget_s": 10})
    good = {"samples_per_s": 10.0, "wait_share": 0.1, "block_s": (1.0,), "wall_s": 6.0}
    asked = fake_trials(lambda s, n, limit: time.sleep(0.1) or Trial(s, n, "ok", **good))
    started = time.monotonic()
    tune.tune(folder)
    assert time.monotonic() - started < 10
    # Six seconds a trial: none is begun in the last six of the ten.
    assert 30 <= len(asked) < 45
    assert any(note.startswith("The 10 s ended after") for note in read_trials(folder).notes)
    assert all(limit <= 10 for _, _, limit in asked)


def test_a_trial_cut_off_by_the_budget_does_not_count_as_hung(make_job, fake_trials):
    folder = make_job("digits", **{**QUICK, "budget_s": 10})
    good = {"samples_per_s": 10.0, "wait_share": 0.1, "block_s": (1.0,), "wall_s": 1.0}

    def answer(setting, number, limit_s):
        late = setting.num_workers == 1
        return Trial(setting, number, "timeout" if late else "ok", **({} if late else good))

    fake_trials(answer)
    tune.tune(folder)
    assert [t.status for t in read_trials(folder).trials] == ["ok"]


@pytest.mark.slow
def test_being_told_to_end_ends_the_running_trial_too(make_job, user_workload, tmp_path):
    mark = tmp_path / "pids"
    name = user_workload(f"open({str(mark)!r}, 'a').write(f'{{os.getpid()}} '); time.sleep(1e6)")
    folder = make_job(name, **QUICK)
    tuning = subprocess.Popen([sys.executable, "-m", "core.loader", str(folder)])
    deadline = time.monotonic() + 90
    while not mark.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(tuning.pid, signal.SIGTERM)
    assert tuning.wait(timeout=20) == 128 + signal.SIGTERM
    pids = {int(pid) for pid in mark.read_text().split()}
    assert pids
    assert not any(map(alive, pids))


@pytest.mark.parametrize(
    ("code", "stderr", "sentence"),
    [
        (1, "RuntimeError: No space left on device (28)", "Shared memory is full; lower"),
        (1, "OSError: [Errno 24] Too many open files", "Too many open files; raise the limit"),
        (1, "Trace\n  x\nValueError: odd\n\n", "The trial failed: ValueError: odd"),
        (-9, "", "The trial was ended by signal 9 (SIGKILL)."),
        (3, "", "The trial ended with code 3."),
    ],
)
def test_how_a_trial_ended_is_one_sentence(code, stderr, sentence):
    assert explain(code, stderr).startswith(sentence)


def test_a_spec_of_another_kind_is_one_line_and_exit_code_2(make_job, capsys, monkeypatch):
    monkeypatch.setattr(signal, "signal", lambda *args: None)
    folder = make_job("digits")
    job = json.loads((folder / "job.json").read_text())
    (folder / "job.json").write_text(json.dumps({**job, "kind": "train"}))
    assert main([str(folder)]) == 2
    told = capsys.readouterr().err
    assert told == "error: Kind 'train' is not for core.loader. Use kind tune.\n"
