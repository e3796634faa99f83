"""Small results kept between sessions."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.events import derived

ROOT = Path(__file__).parents[2]


def test_what_was_kept_is_recalled():
    derived.keep("k/1", {"a": ("s1", b"one"), "b": ("s2", b"\x00two")})
    assert derived.recall("k/1", {"a": "s1", "b": "s2", "c": "s3"}) == {
        "a": b"one",
        "b": b"\x00two",
    }
    assert derived.recall("k/1", {}) == {}


def test_another_stamp_or_kind_is_not_recalled():
    derived.keep("k/1", {"a": ("s1", b"one")})
    assert derived.recall("k/1", {"a": "s2"}) == {}
    assert derived.recall("k/2", {"a": "s1"}) == {}


def test_the_newer_result_replaces_the_older():
    derived.keep("k/1", {"a": ("s1", b"one")})
    derived.keep("k/1", {"a": ("s2", b"two")})
    assert derived.recall("k/1", {"a": "s1"}) == {}
    assert derived.recall("k/1", {"a": "s2"}) == {"a": b"two"}


def test_more_keys_than_one_query_takes():
    many = {f"key {number}": ("s", b"%d" % number) for number in range(2500)}
    derived.keep("k/1", many)
    found = derived.recall("k/1", dict.fromkeys(many, "s"))
    assert found == {key: content for key, (_, content) in many.items()}


def damage_all(content: bytes) -> bytes:
    return b"no database at all " * 200


def damage_pages(content: bytes) -> bytes:
    return content[:4096] + b"\xff" * (len(content) - 4096)


def damage_end(content: bytes) -> bytes:
    return content[:5000]


@pytest.mark.parametrize("damage", [damage_all, damage_pages, damage_end])
def test_a_broken_file_is_replaced(damage):
    derived.keep("k/1", {str(number): ("s", bytes(3000)) for number in range(50)})
    file = derived.path()
    file.write_bytes(damage(file.read_bytes()))
    for _ in range(3):
        derived.recall("k/1", dict.fromkeys(map(str, range(50)), "s"))
        derived.keep("k/1", {"a": ("s", b"one")})
    assert derived.recall("k/1", {"a": "s"}) == {"a": b"one"}


def test_a_log_that_a_broken_file_left_behind_is_not_taken_for_the_next():
    derived.keep("k/1", {"a": ("s", b"one")})
    file = derived.path()
    file.write_bytes(b"no database at all " * 200)
    beside = [file.with_name(f"{file.name}{suffix}") for suffix in ("-wal", "-shm")]
    for each in beside:
        each.write_bytes(b"old " * 2000)
    for _ in range(2):
        derived.keep("k/1", {"a": ("s", b"two")})
    assert derived.recall("k/1", {"a": "s"}) == {"a": b"two"}
    assert not any(each.exists() and b"old old" in each.read_bytes() for each in beside)


def test_a_deleted_folder_only_costs_what_was_kept():
    derived.keep("k/1", {"a": ("s", b"one")})
    for file in derived.path().parent.iterdir():
        file.unlink()
    derived.path().parent.rmdir()
    assert derived.recall("k/1", {"a": "s"}) == {}
    derived.keep("k/1", {"a": ("s", b"one")})
    assert derived.recall("k/1", {"a": "s"}) == {"a": b"one"}


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("GPULSE_STATE_DIR", str(tmp_path / "file"))
    derived.keep("k/1", {"a": ("s", b"one")})
    assert derived.recall("k/1", {"a": "s"}) == {}


def test_above_the_limit_what_was_not_used_for_longest_is_dropped(monkeypatch):
    monkeypatch.setattr(derived, "MAX_BYTES", 100_000)
    for number in range(40):
        derived.keep("k/1", {str(number): ("s", bytes(10_000))})
    found = derived.recall("k/1", {str(number): "s" for number in range(40)})
    assert 0 < sum(map(len, found.values())) <= 100_000
    assert set(found) == {str(number) for number in range(40 - len(found), 40)}


def test_what_is_used_is_not_dropped(monkeypatch):
    monkeypatch.setattr(derived, "MAX_BYTES", 100_000)
    monkeypatch.setattr(derived, "_TOUCH_S", -1.0)
    for number in range(40):
        derived.keep("k/1", {str(number): ("s", bytes(10_000))})
        assert "0" in derived.recall("k/1", {"0": "s"})


def test_several_processes_keep_at_once():
    code = (
        "import sys; from core.events import derived\n"
        "for n in range(20): derived.keep('k/1', {f'{sys.argv[1]}-{n}': ('s', b'x')})"
    )
    workers = [subprocess.Popen([sys.executable, "-c", code, name], cwd=ROOT) for name in "ab"]
    threads = [
        threading.Thread(
            target=lambda name=name: [
                derived.keep("k/1", {f"{name}-{number}": ("s", b"x")}) for number in range(20)
            ]
        )
        for name in "cd"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [worker.wait() for worker in workers] == [0, 0]
    keys = {f"{name}-{number}": "s" for name in "abcd" for number in range(20)}
    assert set(derived.recall("k/1", keys)) == set(keys)
