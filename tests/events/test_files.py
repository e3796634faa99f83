"""Finding event files and judging them before they are parsed."""

from __future__ import annotations

import os

import pytest

from core.events import load
from core.events.files import find_event_files


def test_finds_files_by_name_in_all_folders_sorted(tmp_path, log):
    for name in ("b/events.out.tfevents.2", "b/events.out.tfevents.1", "a/x.tfevents", "b/note"):
        log().write(tmp_path / name)
    found = [path.relative_to(tmp_path).as_posix() for path in find_event_files(tmp_path)]
    assert found == ["a/x.tfevents", "b/events.out.tfevents.1", "b/events.out.tfevents.2"]


def test_a_single_file_is_found_whatever_its_name(tmp_path, log):
    path = log().write(tmp_path / "renamed.log")
    assert find_event_files(path) == [path]
    assert find_event_files(tmp_path / "missing") == []


def test_links_to_folders_are_not_followed(tmp_path, log):
    log().write(tmp_path / "outside/events.out.tfevents.1")
    (tmp_path / "root").mkdir()
    (tmp_path / "root/link").symlink_to(tmp_path / "outside")
    (tmp_path / "root/loop").symlink_to(tmp_path / "root")
    assert find_event_files(tmp_path / "root") == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "git lfs pull"),
        (b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        ", "AppleDouble"),
        (b"not an event file at all, but long enough to have a header", "not an event file"),
        (b"\x18\x00\x00", "cut off"),
    ],
)
def test_foreign_content_is_named(tmp_path, content, words):
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(content)
    events = load(tmp_path)
    assert events.files == ()
    (problem,) = events.problems
    assert words in problem.message
    assert "\n" not in problem.message


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this platform has no named pipes")
def test_a_named_pipe_is_refused_without_opening_it(tmp_path):
    path = tmp_path / "events.out.tfevents.1"
    os.mkfifo(path)
    (problem,) = load(tmp_path).problems
    assert "not a regular file" in problem.message
