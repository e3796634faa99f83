"""A tuning from beginning to end: probe, trials, budget, repeats, what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from core.errors import BadInput, JobFailed, NotFound
from core.loader import Setting, Trial, processes, read_trials, recommend, tune
from core.loader.__main__ import main

QUICK = {"batch_size": 8, "max_trials": 3, "measure_s": 0.2, "max_workers": 1, "budget_s": 120}


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.slow
def test_a_tuning_probes_predicts_measures_and_recommends(make_job, user_workload):
    folder = make_job(user_workload("time.sleep(0.004)"), **QUICK)
    tune.tune(folder)
    trials = read_trials(folder)
    assert trials.finished
    assert trials.stopped
    costs = trials.costs
    assert costs is not None
    # The dataset sleeps: that is waiting, not computing, however busy the machine is.
    assert 0.004 <= costs.get_wait_s < 0.02
    assert costs.get_cpu_s < 0.002
    assert (costs.dataset, costs.sample_bytes) == ("Data, 64 samples", 24.0)
    assert len(trials.predicted) == 4
    first = trials.trials[0]
    assert (first.setting, first.status) == (Setting.of(0, 8), "ok")
    assert first.samples_per_s is not None
    # 4 ms a sample cannot give more than 250 samples/s, and nearly all of the step is waiting.
    assert 20 < first.samples_per_s < 250
    assert first.wait_share is not None
    assert first.wait_share > 0.5
    assert {t.setting.num_workers for t in trials.trials} == {0, 1}
    assert recommend(trials).best is not None
    assert any(note.startswith("Page cache: warm") for note in trials.notes)
    progress = json.loads((folder / "progress.json").read_text())
    assert progress["done"] == progress["total"] == len(trials.trials)
    # TensorBoard's table of hyper-parameters has a line for each run.
    assert list(folder.glob("*tfevents*"))
    runs = sorted(path.parent.name for path in folder.glob("trials/*/*tfevents*"))
    assert [name[:2] for name in runs] == [f"{i:02d}" for i in range(1, len(trials.trials) + 1)]
    assert not (folder / processes.SCRATCH).exists()


@pytest.mark.slow
def test_a_dataset_that_fails_is_one_sentence_before_any_trial(make_job, user_workload):
    folder = make_job(user_workload("raise OSError('image file is truncated')"), **QUICK)
    with pytest.raises(JobFailed, match="image file is truncated"):
        tune.tune(folder)


@pytest.fixture
def fake_trials(monkeypatch, make_costs):
    """Replace the processes of probe and trials; the list of what was asked for."""
    asked: list[tuple[int, Setting, float]] = []

    def install(answer, costs=None):
        def run(folder, question, setting, number, limit_s):
            asked.append((number, setting, limit_s))
            return answer(setting, number, limit_s)

        monkeypatch.setattr(tune, "run_trial", run)
        monkeypatch.setattr(tune, "run_probe", lambda *a: costs or make_costs())
        return asked

    return install


def test_a_tuning_in_which_everything_fails_is_a_failed_job(make_job, fake_trials):
    folder = make_job("digits", **QUICK)
    fake_trials(lambda s, n, limit: Trial(s, n, "failed", "Too many files are open."))
    with pytest.raises(JobFailed, match="No setting could be measured: Too many files"):
        tune.tune(folder)
    assert read_trials(folder).finished


def test_one_failing_setting_does_not_end_the_search(make_job, fake_trials, make_trial):
    folder = make_job("digits", **{**QUICK, "max_workers": 4, "max_trials": 6})

    def answer(setting, number, limit_s):
        if setting.num_workers == 2:
            return Trial(setting, number, "failed", "A worker was killed (SIGKILL).")
        return make_trial(setting, 100.0 + 50 * setting.num_workers, number)

    asked = fake_trials(answer)
    tune.tune(folder)
    trials = read_trials(folder)
    assert any(t.status == "failed" for t in trials.trials)
    best = recommend(trials).best
    assert best is not None
    assert best.num_workers not in (0, 2)
    assert sum(setting.num_workers == 2 for _, setting, _ in asked) >= 1


def test_the_budget_ends_a_tuning_and_is_said(make_job, fake_trials, make_trial):
    folder = make_job("digits", **{**QUICK, "max_trials": 50, "max_workers": 8, "budget_s": 10})
    asked = fake_trials(lambda s, n, limit: make_trial(s, 100.0, n, wall_s=9.99))
    tune.tune(folder)
    # Ten seconds a trial: after the first two, which any answer needs, none is begun.
    assert len(asked) == 2
    assert read_trials(folder).stopped == "The 10 s ended after 2 trials."
    assert all(limit <= 10 for _, _, limit in asked)


def test_a_trial_cut_off_by_the_budget_does_not_count_as_hung(make_job, fake_trials, make_trial):
    folder = make_job("digits", **{**QUICK, "budget_s": 10})

    def answer(setting, number, limit_s):
        if setting.num_workers:
            return Trial(setting, number, "timeout", "No result.")
        return make_trial(setting, 100.0, number)

    fake_trials(answer)
    tune.tune(folder)
    assert [t.status for t in read_trials(folder).trials] == ["ok"]


def test_contaminated_trials_are_repeated_a_few_times(make_job, fake_trials, make_trial):
    folder = make_job("digits", **{**QUICK, "max_trials": 4})
    asked = fake_trials(lambda s, n, limit: make_trial(s, 100.0, n, foreign_cpu=0.5))
    tune.tune(folder)
    trials = read_trials(folder)
    rounds = [(number, setting) for number, setting, _ in asked]
    assert rounds[0] == rounds[1]
    assert len(rounds) - len(set(rounds)) == tune.REPEATS
    assert any("Other programs used up to 50 %" in note for note in trials.notes)


def test_the_setting_in_use_is_the_baseline(make_job, fake_trials, make_trial):
    folder = make_job("digits", **{**QUICK, "num_workers": 1, "prefetch_factor": 4})
    fake_trials(lambda s, n, limit: make_trial(s, 100.0, n))
    tune.tune(folder)
    trials = read_trials(folder)
    assert trials.baseline == trials.trials[0].setting == Setting.of(1, 8, 4)


def test_more_workers_are_considered_where_samples_wait(make_job, fake_trials, make_trial,
                                                        make_costs):  # fmt: skip
    folder = make_job("digits", **{**QUICK, "max_workers": 0})
    patient = make_costs(get_wait_s=0.01, get_s=(0.011,) * 9)
    fake_trials(lambda s, n, limit: make_trial(s, 100.0, n), patient)
    tune.tune(folder)
    assert max(p.setting.num_workers for p in read_trials(folder).predicted) == 8


def test_another_runs_parameters_are_taken_over(make_job, fake_trials, make_trial):
    folder = make_job("digits", **{**QUICK, "like": "train-1"})
    other = folder.parent / "train-1"
    other.mkdir()
    params = {"label_noise": 0.5, "num_workers": 2, "batch_size": 64, "nonsense": 1}
    job = {"kind": "train", "workload": "digits", "params": params}
    (other / "job.json").write_text(json.dumps(job))
    fake_trials(lambda s, n, limit: make_trial(s, 100.0, n))
    tune.tune(folder)
    assert read_trials(folder).params == {"label_noise": 0.5}


def test_a_run_to_take_over_that_is_gone_is_one_line(make_job):
    with pytest.raises(NotFound, match="cannot be read"):
        tune.tune(make_job("digits", **{**QUICK, "like": "gone"}))


@pytest.mark.parametrize("like", ["../../etc", "/etc", "a/b", ".hidden"])
def test_a_path_is_no_id_of_a_run(make_job, like):
    with pytest.raises(BadInput, match="like"):
        tune.tune(make_job("digits", **{**QUICK, "like": like}))


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


def test_a_spec_of_another_kind_is_one_line_and_exit_code_2(make_job, capsys, monkeypatch):
    monkeypatch.setattr(signal, "signal", lambda *args: None)
    folder = make_job("digits")
    job = json.loads((folder / "job.json").read_text())
    (folder / "job.json").write_text(json.dumps({**job, "kind": "train"}))
    assert main([str(folder)]) == 2
    told = capsys.readouterr().err
    assert told == "error: Kind 'train' is not for core.loader. Use kind tune.\n"


def test_the_guess_of_a_trial_is_kept_with_it(make_job, fake_trials, make_trial):
    folder = make_job("digits", **QUICK)
    fake_trials(lambda s, n, limit: make_trial(s, 100.0, n))
    state = tune.tune(folder)
    assert len(state.first_guess) == len(state.trials)
    assert all(guess and guess > 0 for guess in state.first_guess)
