from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import runs
from core.errors import BadInput, NotAllowed, NotFound

EVENTS = "events.out.tfevents.1700000000.host.1.0"


def _touch(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_each_folder_with_logs_is_a_run(tmp_path: Path) -> None:
    _touch(tmp_path / "a" / EVENTS)
    _touch(tmp_path / "deep" / "b" / EVENTS)
    _touch(tmp_path / "empty" / "notes.txt")
    assert {run.key for run in runs.discover([tmp_path])} == {"a", "deep/b"}


@pytest.mark.parametrize("split", ["train", "validation", "loss_training", "valid_loss"])
def test_parts_of_a_run_belong_to_their_parent(tmp_path: Path, split: str) -> None:
    _touch(tmp_path / "net" / split / EVENTS)
    _touch(tmp_path / "net" / "trace" / "host.pt.trace.json.gz")
    (run,) = runs.discover([tmp_path])
    assert run.key == "net"
    assert len(run.event_files) == len(run.trace_files) == 1


def test_everything_below_a_job_belongs_to_it(tmp_path: Path) -> None:
    _touch(tmp_path / "job1" / "job.json", json.dumps({"id": "job1"}))
    _touch(tmp_path / "job1" / "whatever" / EVENTS)
    (run,) = runs.discover([tmp_path])
    assert run.key == "job1"
    assert run.job == {"id": "job1"}
    assert len(run.event_files) == 1


def test_newest_run_comes_first(tmp_path: Path) -> None:
    import os

    old, new = _touch(tmp_path / "old" / EVENTS), _touch(tmp_path / "new" / EVENTS)
    os.utime(old, (1, 1))
    os.utime(new, (2, 2))
    assert [run.key for run in runs.discover([tmp_path])] == ["new", "old"]


def test_a_key_of_two_roots_still_names_one_run(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    _touch(one / "a" / EVENTS)
    _touch(two / "a" / EVENTS)
    found = runs.discover([one, two])
    assert {runs.find(run.key, [one, two]).path for run in found} == {one / "a", two / "a"}


def test_foreign_copies_and_links_out_are_passed_over(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    _touch(root / "a" / f"._{EVENTS}")
    _touch(outside / EVENTS)
    (root / "loop").symlink_to(root)
    (root / "out").symlink_to(outside)
    (root / "a" / EVENTS).symlink_to(outside / EVENTS)
    assert runs.discover([root]) == []


def test_a_folder_that_is_not_there_holds_no_runs(tmp_path: Path) -> None:
    assert runs.discover([tmp_path / "missing"]) == []


def test_a_path_outside_the_roots_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    _touch(tmp_path / "secret" / EVENTS)
    (root / "link").symlink_to(tmp_path / "secret")
    for text in ("../secret", str(tmp_path / "secret"), "link", "/etc/passwd"):
        with pytest.raises(NotAllowed, match="outside the folders"):
            runs.safe_path(text, [root])


def test_a_path_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="Choose one from the list"):
        runs.safe_path("nothing", [tmp_path])
    (tmp_path / "bare").mkdir()
    with pytest.raises(NotFound, match="no event file and no trace"):
        runs.find("bare", [tmp_path])


@given(st.text(max_size=40))
def test_any_text_resolves_below_the_root_or_is_refused(text: str) -> None:
    root = Path(__file__).parent.resolve()
    try:
        path = runs.safe_path(text, [root])
    except BadInput as error:
        assert "\n" not in str(error)
    else:
        assert path == root or root in path.parents


def test_stamp_changes_with_content(tmp_path: Path) -> None:
    file = _touch(tmp_path / "a" / EVENTS)
    before = runs.find("a", [tmp_path]).stamp
    file.write_text("xy")
    assert runs.find("a", [tmp_path]).stamp != before


def test_broken_job_file_does_not_hide_the_run(tmp_path: Path) -> None:
    _touch(tmp_path / "a" / "job.json", "{broken")
    _touch(tmp_path / "a" / EVENTS)
    (run,) = runs.discover([tmp_path])
    assert run.job is None


def test_a_name_that_is_not_utf_8_can_be_shown_and_found(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    (folder / "events.out.tfevents.1").touch()
    (run,) = runs.discover([tmp_path])
    assert run.key == "caf\\xe9"
    assert runs.find(run.key, [tmp_path]).path == folder


def test_what_add_hparams_writes_belongs_to_the_run_it_was_called_for(tmp_path: Path) -> None:
    _touch(tmp_path / "net" / EVENTS)
    _touch(tmp_path / "net" / "1700000000.123" / EVENTS)
    _touch(tmp_path / "1800000000.5" / EVENTS)
    found = {run.key: len(run.event_files) for run in runs.discover([tmp_path])}
    assert found == {"net": 2, "1800000000.5": 1}


@pytest.mark.parametrize("said", ["tune", 3, None])
def test_a_run_says_what_made_it(tmp_path: Path, said: object) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "job.json").write_text(json.dumps({"id": "a", "kind": said}))
    (run,) = runs.discover([tmp_path])
    assert run.kind == (said if said == "tune" else "")
