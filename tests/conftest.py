"""What every test shares: a state folder and a runs folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent
LONG = ("browser", "jobs", "training", "loader")
"""Folders whose tests wait long, begun first: at the end of two queues short ones are wanted."""
QUIET = "browser/test_loop.py"
"""Measures a speed-up for real, so it comes last, when the other queue is empty or nearly so."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        path = item.path.relative_to(ROOT)
        if path.as_posix() == QUIET:
            return len(LONG) + 1
        return LONG.index(path.parts[0]) if path.parts[0] in LONG else len(LONG)

    items.sort(key=place)


@pytest.fixture(autouse=True)
def own_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test reads or writes the user's own runs, jobs or caches."""
    monkeypatch.setenv("GPULSE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("GPULSE_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("GPULSE_ROOTS", str(tmp_path / "runs"))
    for name in ("WORKLOADS", "ENGINE", "CPU_SLOTS", "IDLE_EXIT_S", "REMOTE_FILE_GIB",
                 "REMOTE_TOTAL_GIB", "WEBHOOK_URL", "SCRIPTS"):  # fmt: skip
        monkeypatch.delenv(f"GPULSE_{name}", raising=False)


@pytest.fixture
def write_scalars() -> Callable[..., Path]:
    """A function that writes event files with values for each epoch, by tag."""
    from tensorboard.compat.proto import event_pb2, summary_pb2
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    event: Any = event_pb2.Event  # pyright: ignore[reportAttributeAccessIssue]
    summary: Any = summary_pb2.Summary  # pyright: ignore[reportAttributeAccessIssue]

    def write(folder: Path, columns: Mapping[str, Sequence[float]]) -> Path:
        writer = EventFileWriter(str(folder))
        for epoch, values in enumerate(zip(*columns.values(), strict=True), 1):
            for tag, value in zip(columns, values, strict=True):
                logged = summary(value=[summary.Value(tag=tag, simple_value=value)])
                writer.add_event(event(wall_time=1.7e9 + epoch, step=epoch, summary=logged))
        writer.close()
        return folder

    return write


@pytest.fixture
def write_losses(write_scalars: Callable[..., Path]) -> Callable[..., Path]:
    """A function that writes event files with a train and a validation loss for each epoch."""

    def write(folder: Path, train: Sequence[float], val: Sequence[float]) -> Path:
        return write_scalars(folder, {"Loss/train": train, "Loss/val": val})

    return write


@pytest.fixture
def overfitting() -> tuple[list[float], list[float]]:
    """Losses of 40 epochs that overfit from about epoch 12 on: train falls, validation turns."""
    epochs = range(40)
    train = [2.0 * 0.9**epoch + 0.01 for epoch in epochs]
    val = [2.0 * 0.8**epoch + 0.4 + 0.015 * max(0, epoch - 8) for epoch in epochs]
    return train, val
