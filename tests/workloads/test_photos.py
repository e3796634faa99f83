"""photos: real files, written once and completely, training and validation pixels apart."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from core.errors import GpulseError, NotFound
from core.workloads import load, photo_files, validate
from core.workloads.photo_files import TRAIN_UNTIL, VAL_FROM, cut, ensure_files, list_files

FILES = 200


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ensure_files(tmp_path_factory.mktemp("state"), FILES)


def test_all_files_are_there_a_fifth_of_them_to_validate(folder):
    train, val, classes = list_files(folder)
    assert (len(train), len(val)) == (FILES * 4 // 5, FILES // 5)
    assert len(classes) >= 8
    assert {photo.label for photo in val} == set(range(len(classes)))


def test_training_and_validation_pieces_come_from_apart():
    width, height = 1_000, 400
    columns = np.tile(np.linspace(0, 255, width).astype(np.uint8), (height, 1))
    picture = Image.fromarray(np.repeat(columns[:, :, None], 3, axis=2))
    rng = np.random.default_rng(0)
    train = [np.asarray(cut(picture, False, rng)).max() / 255 for _ in range(30)]
    val = [np.asarray(cut(picture, True, rng)).min() / 255 for _ in range(30)]
    assert max(train) <= TRAIN_UNTIL + 0.01
    assert min(val) >= VAL_FROM - 0.01


def test_a_second_call_writes_nothing_and_leaves_no_partial_folder(folder):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert ensure_files(folder.parents[1], FILES) == folder
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_job_that_loses_the_race_uses_the_folder_of_the_winner(tmp_path, monkeypatch):
    def write(partial, files, report):
        (partial / "mine").touch()
        winner = tmp_path / "photos" / f"v{photo_files.VERSION}-{files}"
        winner.mkdir()
        (winner / "theirs").touch()

    monkeypatch.setattr(photo_files, "_write", write)
    folder = ensure_files(tmp_path, FILES)
    assert [path.name for path in folder.iterdir()] == ["theirs"]
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, monkeypatch):
    def write(partial, files, report):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(photo_files, "_write", write)
    with pytest.raises(GpulseError, match=r"the disk is full\. Make room or set GPULSE_STATE_DIR"):
        ensure_files(tmp_path, FILES)
    assert list((tmp_path / "photos").iterdir()) == []


def test_what_a_killed_job_left_is_removed_when_it_is_old(tmp_path, monkeypatch):
    monkeypatch.setattr(photo_files, "_write", lambda partial, files, report: None)
    old, young = (tmp_path / "photos" / f".partial-{name}" for name in ("old", "young"))
    for left in (old, young):
        left.mkdir(parents=True)
    past = time.time() - 2 * photo_files.STALE_S
    os.utime(old, (past, past))
    ensure_files(tmp_path, FILES)
    assert not old.exists()
    assert young.exists()


def test_without_the_photographs_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(photo_files, "SOURCES", {"one": ("skimage", "data/no_such_file.png")})
    with pytest.raises(NotFound, match="Install both packages again"):
        ensure_files(tmp_path, FILES)


def test_samples_are_decoded_augmented_and_reproducible(folder, monkeypatch):
    monkeypatch.setenv("GPULSE_STATE_DIR", str(folder.parents[1]))
    photos: Any = load("photos")
    params = photos.Params(**validate("photos", {"files": FILES, "image_size": 32}))
    reports: list[tuple[int, int, str]] = []
    photos.prepare(params, lambda *report: reports.append(report))
    train, val = photos.datasets(params)
    assert (len(train), len(val)) == (160, 40)
    torch.manual_seed(3)
    first, label = train[0]
    second, _ = train[0]
    torch.manual_seed(3)
    again, _ = train[0]
    assert first.shape == (3, 32, 32)
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    assert torch.equal(val[0][0], val[0][0])
    assert photos.model(params)(torch.stack([first, second])).shape == (2, len(photos.classes))
    pictures = photos.images(first[None])
    assert 0 <= float(pictures.min()) <= float(pictures.max()) <= 1
    assert 0 <= label < len(photos.classes)
    assert reports == []


def test_cutting_reports_its_progress(tmp_path):
    reports: list[tuple[int, int, str]] = []
    ensure_files(tmp_path, FILES, lambda *report: reports.append(report))
    assert reports[-1] == (FILES, FILES, "cutting photographs")
    assert [done for done, _, _ in reports] == sorted(done for done, _, _ in reports)
