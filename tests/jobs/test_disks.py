"""Full disks and folders that cannot be written: one clear line, and nothing else is lost."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import jobs
from core.errors import GpulseError
from core.jobs.autopsy import died_of


def mount(place: Path, *options: str) -> bool:
    words = ["mount", "-t", "tmpfs", "-o", ",".join(("size=2m", *options)), "tmpfs", str(place)]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


@pytest.fixture
def small_disk(common_room, tmp_path, monkeypatch) -> Iterator[Path]:
    """A runs folder on a disk of 2 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    if not mount(place):
        pytest.skip("mounting a small disk needs root")
    monkeypatch.setenv("GPULSE_RUNS_DIR", str(place))
    yield place
    for job in jobs.list_jobs():
        jobs.stop(job.id)
        jobs.wait(job.id, 20)
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_job_that_fills_the_disk_says_so_and_the_queue_goes_on(common_room, small_disk):
    job = jobs.wait(common_room.launch(fill=True).id, 30)

    assert job.state == "failed"
    assert f"the disk of {job.run_dir} is full" in job.error
    assert "Free some space" in died_of(job)
    (job.run_dir / "big").unlink()
    assert jobs.wait(common_room.launch().id, 20).state == "succeeded"


def fill(disk: Path) -> None:
    with (disk / "big").open("wb", buffering=0) as big, contextlib.suppress(OSError):
        while True:
            big.write(bytes(4096))


def test_a_launch_onto_a_full_disk_is_refused_in_one_line(common_room, small_disk):
    before = jobs.list_jobs()
    fill(small_disk)

    with pytest.raises(GpulseError, match="No space left on device") as refused:
        common_room.launch()
    assert "\n" not in str(refused.value)
    assert jobs.list_jobs() == before


def test_a_run_folder_that_became_read_only_fails_its_job_alone(
    common_room, small_disk, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setenv("GPULSE_RUNS_DIR", str(common_room.runs))
        holders = [common_room.until_running(common_room.launch(sleep=2)) for _ in range(2)]
    queued = common_room.launch()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(GpulseError, match="cannot be written"):
        common_room.launch()
    queued = jobs.wait(queued.id, 20)
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)

    assert queued.state == "failed"
    assert "could not be started" in queued.error
    assert "Read-only file system" in queued.error
    assert [jobs.wait(job.id, 20).state for job in holders] == ["succeeded"] * 2
    assert jobs.wait(common_room.launch().id, 20).state == "succeeded"
