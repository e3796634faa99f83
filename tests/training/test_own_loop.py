"""A training loop of the user's own, watched: what it leaves, and that nothing can end it."""

from __future__ import annotations

import gzip
import json
import math
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from core import dynamics, events, health, runs, traces
from core.dynamics.signals import fact
from core.training import watch
from core.training.watching import folders, log
from core.training.watching.names import tag_of
from core.training.watching.steps import samples_in
from core.training.watching.values import Entry, Values, single

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys, time
import torch
from torch.utils.data import DataLoader, Dataset
from core.dynamics.signals import fact
from core.training import watch

class Slow(Dataset):
    def __init__(self, size): self.size = size
    def __len__(self): return self.size
    def __getitem__(self, index):
        time.sleep(0.002)
        return torch.full((4,), index / self.size), torch.tensor([index / self.size])

def main():
    model = torch.nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    train = DataLoader(Slow(48), batch_size=4, num_workers=2)
    val = DataLoader(Slow(8), batch_size=4)
    config = {"epochs": 4, "weight_decay": 0.0, "name": "mine"}
    with watch(sys.argv[1], config=config, profile_after=14, profile_steps=3) as run:
        for epoch in range(4):
            for x, y in run.steps(train):
                loss = torch.nn.functional.mse_loss(model(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                run.log(loss=loss)
            with torch.no_grad():
                losses = [torch.nn.functional.mse_loss(model(x), y) for x, y in run.steps(val, "val")]
            run.epoch(val_loss=torch.stack(losses).mean())

if __name__ == "__main__":
    main()
"""  # noqa: E501


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> runs.Run:
    """The run of a script as a user would write it, run as a user would run it."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "train.py").write_text(SCRIPT, encoding="utf-8")
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "train.py", "runs/mine"]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=200)
    assert done.stderr == f"watch: logging to {folder / 'runs' / 'mine'}\n"
    assert done.returncode == 0
    (found,) = runs.discover([folder / "runs"])
    return found


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The versions of all packages are read once, by the script."""
    monkeypatch.setattr(log, "surroundings", dict)


def scalars(folder: Path) -> pd.DataFrame:
    return events.load(sorted(folder.glob("*tfevents*")), {"scalars"}, folder).scalars


def values(folder: Path, tag: str) -> list[float]:
    frame = scalars(folder)
    return frame.loc[frame["tag"] == tag, "value"].tolist()


def job(folder: Path) -> dict:
    return json.loads((folder / "job.json").read_text())


def until(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_losses_of_epochs_are_found_and_are_the_means_of_their_steps(own):
    (pair,) = dynamics.pair_losses(scalars(own.path))
    assert (pair.train_tag, pair.val_tag) == ("Loss/train", "Loss/val")
    assert pair.train is not None
    assert pair.train.steps.tolist() == [1, 2, 3, 4]
    steps = np.array(values(own.path, "Loss/train_step")).reshape(4, 12)
    np.testing.assert_allclose(pair.train.values, steps.mean(1), rtol=1e-5)
    assert fact(pair, "n_train") == 48
    assert fact(pair, "n_val") == 8
    assert fact(pair, "planned_epochs") == 4


def test_the_vital_signs_are_those_of_a_job(own):
    signs = health.vital_signs(scalars(own.path))
    assert signs.step_ms is not None
    assert signs.step_ms > 0
    assert signs.wait_pct is not None
    assert 0 < signs.wait_pct < 100
    assert signs.cpu_pct is not None
    assert values(own.path, "hardware/cpu_percent")[0] > 0
    assert len(values(own.path, "Speed/val_step_ms")) == 4
    per_s, step_ms = values(own.path, "Speed/samples_per_s"), values(own.path, "Speed/step_ms")
    np.testing.assert_allclose(np.array(per_s) * step_ms, 4e3, rtol=1e-4)


def test_the_profile_holds_the_steps_that_were_planned(own):
    (trace,) = own.trace_files
    assert trace.name == "train-step15.pt.trace.json.gz"
    found = traces.diagnose(traces.open_trace(trace))
    assert found.steps == 3
    with gzip.open(trace, "rt") as file:
        text = file.read()
    assert "enumerate(DataLoader)#_MultiProcessingDataLoaderIter.__next__" in text
    assert "core/training/watching" in text
    lines = [finding.where for finding in found.findings]
    assert any("train.py(" in where for where in lines), lines
    assert not any("watching" in where for where in lines), lines


def test_the_run_says_what_it_was(own):
    content = job(own.path)
    assert (content["kind"], content["unit"], content["workload"]) == ("watch", "epoch", "train.py")
    assert content["params"] == {
        "batch_size": 4, "num_workers": 2, "pin_memory": False, "persistent_workers": False,
        "prefetch_factor": 2, "epochs": 4, "weight_decay": 0.0, "name": "mine",
    }  # fmt: skip
    assert content["error"] is None
    assert content["started"] < content["ended"]
    assert {"torch", "gpulse"} <= content["versions"].keys()
    assert content["environment"]["packages"]
    table = events.load(own.event_files, {"hparams"}, own.path).hparams
    assert {"num_workers", "name"} <= set(table["name"])


def test_without_epochs_the_losses_are_those_of_the_steps(tmp_path):
    with watch(tmp_path / "r", profile=False) as run:
        for step in run.steps(range(40)):
            run.log(loss=torch.tensor(1 / (1 + step)))
            if step % 10 == 9:
                run.log(val_loss=2 / (1 + step), lr=0.1)
    (pair,) = dynamics.pair_losses(scalars(tmp_path / "r"))
    assert (pair.train_tag, pair.val_tag) == ("Loss/train_step", "Loss/val_step")
    assert pair.train is not None
    assert pair.val is not None
    assert pair.train.steps.tolist() == list(range(1, 41))
    assert pair.val.steps.tolist() == [10, 20, 30, 40]
    assert job(tmp_path / "r")["unit"] == "step"


def test_a_tensor_counts_as_it_was_when_it_was_logged(tmp_path):
    total = torch.zeros((), requires_grad=True)
    with watch(tmp_path / "r", profile=False) as run:
        for step in run.steps(range(5)):
            with torch.no_grad():
                total += 1
            run.log({"my/tag": step}, loss=total, half=torch.tensor(step, dtype=torch.float16))
        run.epoch(train_loss=7.0)
    assert values(tmp_path / "r", "Loss/train_step") == [1, 2, 3, 4, 5]
    assert values(tmp_path / "r", "Loss/train") == [7]  # given by hand: no mean beside it
    assert values(tmp_path / "r", "half") == [2]
    assert values(tmp_path / "r", "my/tag") == [2]  # as a mean, like all that is logged at steps


def test_values_that_are_none_are_named_once_and_left_out(tmp_path, capsys):
    with watch(tmp_path / "r", profile=False) as run:
        for _ in run.steps(range(3)):
            run.log(loss=1.0, image=torch.zeros(2, 2), text="much")
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[1] for line in lines] == [
        " logging to " + str(tmp_path / "r"), " image is not logged", " text is not logged"
    ]  # fmt: skip
    assert values(tmp_path / "r", "Loss/train_step") == [1, 1, 1]


def test_a_folder_that_is_in_use_is_left_alone(tmp_path):
    (tmp_path / "empty").mkdir()
    names = []
    for wanted in ("empty", "empty", "new", "new", "new"):
        with watch(tmp_path / wanted, profile=False) as run:
            assert run.folder is not None
            names.append(run.folder.name)
    assert names == ["empty", "empty-2", "new", "new-2", "new-3"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_in_the_loop_is_the_users_and_the_run_can_be_read(tmp_path, error):
    def train() -> None:
        with watch(tmp_path / "r", profile_after=1, profile_steps=20) as run:
            for step in run.steps(range(50)):
                run.log(loss=float(step))
                if step == 9:
                    raise error("mine")

    with pytest.raises(error, match="mine"):
        train()
    assert job(tmp_path / "r")["error"] == f"{error.__name__}: mine"
    assert values(tmp_path / "r", "Loss/train_step") == list(range(10))
    assert not torch.autograd._profiler_enabled()  # pyright: ignore[reportPrivateImportUsage]
    assert "watch" not in [thread.name for thread in threading.enumerate()]


def test_an_error_of_the_loader_comes_through(tmp_path):
    def batches() -> Iterator[int]:
        yield 1
        raise RuntimeError("bad file")

    with watch(tmp_path / "r", profile=False) as run:
        loop = iter(run.steps(batches()))
        assert next(loop) == 1
        with pytest.raises(RuntimeError, match="bad file"):
            next(loop)
        run.epoch(train_loss=1.0)
    assert values(tmp_path / "r", "Loss/train") == [1]


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    with watch(tmp_path / "file" / "run") as run:
        assert run.folder is None
        assert [run.log(loss=x) or x for x in run.steps([1, 2, 3])] == [1, 2, 3]
        run.epoch(val_loss=1.0)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("watch: nothing more is logged, the training goes on: NotADirectory")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_line_and_the_loop_goes_on(tmp_path, capsys):
    seen = []
    with watch(tmp_path / "r", profile=False) as run:
        thread = run._desk.log
        assert thread is not None
        full = open("/dev/full", "wb", buffering=0)  # noqa: SIM115
        rest, thread._events._file = thread._events._file, full
        until(lambda: not thread.is_alive())
        rest.close()
        for step in run.steps(range(5)):
            run.log(loss=float(step))
            seen.append(step)
        run.epoch(val_loss=1.0)
    assert seen == [0, 1, 2, 3, 4]
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "No space left on device" in lines[1]


def test_a_profiler_of_the_users_own_costs_the_profile_alone(tmp_path, capsys):
    with torch.profiler.profile(), watch(tmp_path / "r", profile_after=1, profile_steps=2) as run:
        for _ in run.steps(range(10)):
            run.log(loss=1.0)
    assert len(values(tmp_path / "r", "Loss/train_step")) == 10
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if "no more profiles" in line] == lines[1:]
    assert not torch.autograd._profiler_enabled()  # pyright: ignore[reportPrivateImportUsage]


def test_a_profile_that_had_no_room_is_told(tmp_path, capsys):
    with watch(tmp_path / "r") as run:
        for _ in run.steps(range(5)):
            pass
    assert "no profile: no pass had room for one after step 20" in capsys.readouterr().err


def test_short_passes_are_recorded_as_far_as_they_go(tmp_path):
    with watch(tmp_path / "r", profile_after=2, profile_steps=6, with_stack=False) as run:
        for _ in range(4):
            for _ in run.steps(iter([torch.ones(2), torch.ones(2), torch.ones(2)])):
                torch.ones(3).sum()
            for _ in run.steps([torch.ones(2)] * 4):
                torch.ones(3).sum()
    (trace,) = (tmp_path / "r" / "trace").iterdir()
    assert 1 <= traces.diagnose(traces.open_trace(trace)).steps <= 3


def test_a_profile_is_recorded_when_a_file_asks_for_it(tmp_path):
    with watch(tmp_path / "r", profile=False) as run:
        request = tmp_path / "r" / "profile.request"
        request.write_text(json.dumps({"id": "me", "steps": 2}))
        for _ in run.steps(range(40)):
            torch.ones(3).sum()
    (trace,) = (tmp_path / "r" / "trace").iterdir()
    assert "-asked-me" in trace.name
    assert traces.diagnose(traces.open_trace(trace)).steps == 2
    assert not request.exists()


def test_of_several_ranks_the_first_logs_and_each_records(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("MASTER_PORT", "29500")
    for _ in range(2):  # the second launch of the same script
        for rank in ("0", "1"):
            monkeypatch.setenv("RANK", rank)
            with watch(tmp_path / "r", profile_after=1, profile_steps=1, with_stack=False) as run:
                for _ in run.steps(range(8)):
                    run.log(loss=1.0)
    for folder in (tmp_path / "r", tmp_path / "r-2"):
        assert len(list(folder.glob("*tfevents*"))) == 1
        names = sorted(path.name.split("-")[-1] for path in (folder / "trace").iterdir())
        assert names == ["rank0.pt.trace.json.gz", "rank1.pt.trace.json.gz"]
        assert job(folder)["processes"] == 2


def test_an_evaluation_inside_a_step_is_no_part_of_it(tmp_path):
    with watch(tmp_path / "r", profile=False) as run:
        for _ in run.steps(range(2), "val"):
            time.sleep(0.3)
        for step in run.steps(range(5)):
            time.sleep(0.001)
            if step == 2:
                for _ in run.steps(range(2), "val"):
                    time.sleep(0.3)
    (mean,) = values(tmp_path / "r", "Speed/step_ms")
    assert min(values(tmp_path / "r", "Speed/val_step_ms")) > 300
    assert 0 < mean < 60  # with it the mean would be over 120


def test_a_loop_that_is_left_early_goes_on_with_the_next_pass(tmp_path):
    with watch(tmp_path / "r", profile=False) as run:
        loader = run.steps([1, 2, 3])
        assert len(loader) == 3
        for _ in range(2):
            for batch in loader:
                run.log(loss=float(batch))
                if batch == 2:
                    break
            run.epoch()
    assert values(tmp_path / "r", "Loss/train") == [1.5, 1.5]
    with pytest.raises(TypeError):
        len(run.steps(iter([1])))


def test_a_batch_that_the_user_let_go_of_is_free(tmp_path):
    with watch(tmp_path / "r", profile=False) as run:
        for batch in run.steps(torch.ones(2) * i for i in range(2)):
            seen = weakref.ref(batch)
            del batch
            assert seen() is None


def test_a_forked_child_leaves_the_run_alone(tmp_path):
    run = watch(tmp_path / "r", profile=False)
    owner, run._owner = run._owner, -1
    run.close()
    assert "ended" not in job(tmp_path / "r")
    run._owner = owner
    run.close()
    assert "ended" in job(tmp_path / "r")


def test_the_verdict_that_turns_is_an_alert(tmp_path, overfitting, monkeypatch):
    monkeypatch.setattr(log, "JUDGING_SHARE", math.inf)
    with watch(tmp_path / "r", profile=False) as run:
        for train, val in zip(*overfitting, strict=True):
            run.epoch(train_loss=train, val_loss=val)
    lines = (tmp_path / "r" / "alerts.jsonl").read_text().splitlines()
    assert [json.loads(line)["verdict"] for line in lines][-1] == "overfitting"


@pytest.mark.parametrize(
    ("name", "tag"),
    [("loss", "Loss/train"), ("train_loss", "Loss/train"), ("val_loss", "Loss/val"),
     ("loss_valid", "Loss/val"), ("val_acc", "accuracy/val"), ("accuracy", "accuracy"),
     ("test_loss", "Loss/test"), ("lr", "LearningRate"), ("f1_val", "f1/val"), ("a/b", "a/b"),
     ("train", "train"), ("grad_norm", "Gradients/global_norm")],
)  # fmt: skip
def test_names_become_the_tags_of_our_own_runs(name, tag):
    assert tag_of(name) == tag


@pytest.mark.parametrize(
    ("batch", "count"),
    [(torch.zeros(7, 2), 7), ([torch.zeros(3), 1], 3), ({"ids": np.zeros((5, 2))}, 5),
     ([{"x": torch.zeros(4)}], 4), ([], 0), (3, 0), (torch.tensor(1.0), 0), ("text", 0)],
)  # fmt: skip
def test_samples_of_a_batch(batch, count):
    assert samples_in(batch) == count


def test_values_come_in_order_and_none_is_left():
    kept = Values()
    for step in range(3):
        kept.add(Entry("a", single(torch.tensor(float(step))), step, 0.0))
        kept.add(Entry("b", single(step), step, 0.0))
    found = kept.take(wait=True)
    assert [(each.tag, each.value) for each in found] == [
        ("a", 0), ("b", 0), ("a", 1), ("b", 1), ("a", 2), ("b", 2)
    ]  # fmt: skip
    assert kept.take(wait=True) == []


def test_the_newest_folder_of_a_launch_is_that_of_its_ranks(tmp_path):
    wanted = tmp_path / "r"
    assert folders.claimed(wanted, "one") is None
    for launch, started in (("one", 1.0), ("two", 2.0), ("one", 3.0)):
        folder = folders.claim(wanted)
        (folder / "job.json").write_text(json.dumps({"launch": launch, "started": started}))
    assert folders.claimed(wanted, "one") == tmp_path / "r-3"
    assert folders.claimed(wanted, "two") == tmp_path / "r-2"
    assert folders.claimed(wanted, "three") is None
