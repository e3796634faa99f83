"""Cutting thousands of JPEG files from the photographs that pip packages ship, once per machine.

Sources are the photographs inside the installed scikit-image and scikit-learn packages; nothing
is downloaded and none is redistributed. Each is cut in a left part to train on and a right part
to validate on, with a gap between, so that no pixel is in both.
"""

from __future__ import annotations

import errno
import importlib.util
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from core.errors import GpulseError, NotFound
from core.workloads.base import Report

SOURCES: dict[str, tuple[str, str]] = {
    "astronaut": ("skimage", "data/astronaut.png"),
    "chelsea": ("skimage", "data/chelsea.png"),
    "china": ("sklearn", "datasets/images/china.jpg"),
    "coffee": ("skimage", "data/coffee.png"),
    "flower": ("sklearn", "datasets/images/flower.jpg"),
    "hubble": ("skimage", "data/hubble_deep_field.jpg"),
    "ihc": ("skimage", "data/ihc.png"),
    "motorcycle": ("skimage", "data/motorcycle_left.png"),
    "retina": ("skimage", "data/retina.jpg"),
    "rocket": ("skimage", "data/rocket.jpg"),
}
"""Class -> (package, file inside it). Files that a release no longer ships are passed over."""

TRAIN_UNTIL, VAL_FROM = 0.66, 0.70
"""Parts of a photograph's width: training pieces left of the one, validation right of the other."""

VAL_SHARE = 0.2
SIDE_PX = (260, 420)
"""Shorter and longer limit of a file's sides."""

VERSION = 1
"""Part of the folder's name: raise it when the files would come out otherwise."""

STALE_S = 3_600.0
"""A temporary folder this old was left by a job that was killed."""


@dataclass(frozen=True, slots=True)
class Photo:
    """One file and the number of its class."""

    path: Path
    label: int


def find_sources() -> dict[str, Path]:
    """The photographs that are really there, by class.

    Raises:
        NotFound: fewer than two are.
    """
    found = {}
    for name, (package, inside) in SOURCES.items():
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            path = Path(spec.origin).parent / inside
            if path.is_file():
                found[name] = path
    if len(found) < 2:
        raise NotFound(
            "The photographs of scikit-image and scikit-learn are not there. "
            "Install both packages again."
        )
    return found


def ensure_files(state_dir: Path, files: int, report: Report | None = None) -> Path:
    """The folder with the files, made if it is not there yet.

    Layout: ``train/<class>/<nnnnn>.jpg`` and ``val/<class>/<nnnnn>.jpg``. It is written under
    another name and renamed when complete, so that a job that is killed leaves nothing half done
    and two jobs at once are safe: the second finds the folder of the first and drops its own.

    Args:
        state_dir: settings().state_dir.
        files: how many files in all.
        report: told about progress.

    Raises:
        GpulseError: the folder cannot be written, the disk is full for example.
    """
    folder = state_dir.expanduser().absolute() / "photos" / f"v{VERSION}-{files}"
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(folder.parent)
        partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder.parent))
        try:
            _write(partial, files, report)
            _publish(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise GpulseError(_why(error, folder)) from None
    return folder


def _why(error: OSError, folder: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        reason = "the disk is full"
    else:
        reason = error.strerror or type(error).__name__
    return (
        f"The photographs cannot be written to {folder.parent}: {reason}. Make room or set "
        "GPULSE_STATE_DIR to another folder."
    )


def _remove_stale(parent: Path) -> None:
    for path in parent.glob(".partial-*"):
        if time.time() - path.stat().st_mtime > STALE_S:
            shutil.rmtree(path, ignore_errors=True)


def _publish(partial: Path, folder: Path) -> None:
    try:
        partial.rename(folder)
    except OSError:
        # Another job was faster; its folder holds the same files.
        if not folder.is_dir():
            raise


def _write(folder: Path, files: int, report: Report | None) -> None:
    sources = find_sources()
    pictures = {name: _open(path) for name, path in sources.items()}
    for split in ("train", "val"):
        for name in sources:
            (folder / split / name).mkdir(parents=True)
    rng = np.random.default_rng(VERSION)
    for index, (split, name) in enumerate(_plan(list(sources), files)):
        piece = cut(pictures[name], split == "val", rng)
        quality = int(rng.integers(85, 96))
        piece.save(folder / split / name / f"{index:05d}.jpg", quality=quality)
        if report is not None and (index % 50 == 49 or index + 1 == files):
            report(index + 1, files, "cutting photographs")


def _plan(names: list[str], files: int) -> Iterator[tuple[str, str]]:
    """(split, class) of each file: classes in turn, VAL_SHARE of each to validate."""
    every = round(1 / VAL_SHARE)
    for index in range(files):
        split = "val" if (index // len(names)) % every == every - 1 else "train"
        yield split, names[index % len(names)]


def _open(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def cut(picture: Image.Image, val: bool, rng: np.random.Generator) -> Image.Image:
    """A random square of one part of a photograph, enlarged or reduced to SIDE_PX."""
    width, height = picture.size
    left = int(np.ceil(width * VAL_FROM)) if val else 0
    right = width if val else int(width * TRAIN_UNTIL)
    side = int(min(right - left, height) * rng.uniform(0.5, 1.0))
    x = left + int(rng.integers(right - left - side + 1))
    y = int(rng.integers(height - side + 1))
    new_width, new_height = (int(n) for n in rng.integers(SIDE_PX[0], SIDE_PX[1] + 1, 2))
    box = (x, y, x + side, y + side)
    return picture.resize((new_width, new_height), Image.Resampling.BICUBIC, box=box)


def list_files(folder: Path) -> tuple[list[Photo], list[Photo], tuple[str, ...]]:
    """(training files, validation files, class names) of a folder that ensure_files made."""
    classes = tuple(sorted(path.name for path in (folder / "train").iterdir()))
    splits = [
        [
            Photo(path, label)
            for label, name in enumerate(classes)
            for path in sorted((folder / split / name).glob("*.jpg"))
        ]
        for split in ("train", "val")
    ]
    return splits[0], splits[1], classes
