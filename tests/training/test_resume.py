"""Going on from a checkpoint, and profiles that are asked for while a job runs."""

from __future__ import annotations

import json
import threading
import time

import pytest

from core import events
from core.errors import BadInput
from core.training.run import run

TINY = {"train_samples": 48, "batch_size": 24}


def change(folder, **fields) -> None:
    path = folder / "job.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def steps_of(folder) -> list[int]:
    scalars = events.load(folder, kinds={"scalars"}).scalars
    return scalars.loc[scalars["tag"] == "Loss/val", "step"].tolist()


@pytest.fixture
def trained(make_job):
    folder = make_job(epochs=2, **TINY)
    run(folder)
    return folder


def test_a_job_goes_on_from_the_checkpoint_of_another(trained, tmp_path, make_job):
    first = trained.rename(tmp_path / "first")
    folder = make_job(epochs=4, **TINY)
    change(folder, resume_from=str(first / "checkpoints" / "last.pt"))

    run(folder)

    assert steps_of(folder) == [3, 4]


def test_an_attempt_after_a_lost_one_goes_on_from_its_own(trained):
    change(trained, attempt=2, params={"epochs": 3, **TINY})

    run(trained)

    assert steps_of(trained) == [1, 2, 3]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"resume_from": "/nowhere/last.pt"}, "no checkpoint /nowhere/last.pt"),
        ({"attempt": 2}, "Raise epochs to go on"),
        ({"attempt": 2, "workload": "chars", "params": {"epochs": 9}}, "does not fit this model"),
    ],
)
def test_what_cannot_be_gone_on_from_is_said_in_one_line(trained, fields, words):
    change(trained, **fields)

    with pytest.raises(BadInput, match=words):
        run(trained)


def test_a_profile_is_recorded_when_it_is_asked_for(make_job):
    folder = make_job(epochs=3, train_samples=800, batch_size=8)
    request = folder / "profile.request"

    def ask() -> None:
        while not (folder / "progress.json").exists():
            time.sleep(0.01)
        request.write_text("{broken")
        deadline = time.monotonic() + 60
        while request.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        request.write_text(json.dumps({"id": "../now", "steps": 3}))

    asker = threading.Thread(target=ask)
    asker.start()
    run(folder)
    asker.join()

    assert [path.name for path in (folder / "trace").iterdir()] == [
        "digits-asked-now.pt.trace.json.gz"
    ]
    assert not request.exists()
