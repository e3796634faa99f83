"""The mirror of a remote folder: only what is new is fetched, nothing leaves its folder."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from core import remote, runs
from core.errors import BadInput, NotFound
from core.remote.inlet import PROBE_BYTES
from core.remote.source import Entry, Source
from core.settings import settings

ROOT = Path(__file__).parents[2]
EVENTS = "net/events.out.tfevents.1"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, int]]:
    """(name, start, end) of each read of the remote side."""
    reads: list[tuple[str, int, int]] = []
    read = Source.read

    def noted(self: Source, entry: Entry, start: int, end: int) -> bytes:
        reads.append((entry.name, start, end))
        return read(self, entry, start, end)

    monkeypatch.setattr(Source, "read", noted)
    return reads


def _content(mirror: remote.Mirror) -> dict[str, bytes]:
    files = [path for path in mirror.path.rglob("*") if path.is_file()]
    return {path.relative_to(mirror.path).as_posix(): path.read_bytes() for path in files}


def test_the_first_look_brings_run_files_and_nothing_else(memory: Any) -> None:
    wanted = {EVENTS: b"e" * 200, "net/trace/a.pt.trace.json.gz": b"t", "net/job.json": b"{}"}
    for name, content in wanted.items():
        memory.put(name, content)
    for name in ("net/checkpoints/last.pt", "net/log.txt", ".cache/events.out.tfevents.1"):
        memory.put(name, b"no")
    mirror = remote.sync(memory.url)
    assert _content(mirror) == wanted
    assert (mirror.problems, mirror.fetched_bytes, mirror.changed) == ((), 203, True)
    assert mirror.path == settings().mirror(memory.url)


def test_nothing_is_read_where_nothing_changed(memory: Any, asked) -> None:
    memory.put(EVENTS, b"e" * 200)
    remote.sync(memory.url)
    asked.clear()
    again = remote.sync(memory.url)
    assert (asked, again.fetched_bytes, again.changed) == ([], 0, False)


def test_of_a_grown_event_file_only_the_new_bytes_are_read(memory: Any, asked) -> None:
    first, more = os.urandom(100_000), os.urandom(500)
    memory.put(EVENTS, first)
    remote.sync(memory.url)
    asked.clear()
    memory.put(EVENTS, first + more)
    mirror = remote.sync(memory.url)
    assert _content(mirror) == {EVENTS: first + more}
    assert asked == [(EVENTS, 100_000 - PROBE_BYTES, 100_500)]
    assert mirror.fetched_bytes == PROBE_BYTES + 500


def test_large_files_come_in_pieces(memory: Any, asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.remote.inlet._CHUNK_BYTES", 1000)
    first, more = os.urandom(2500), os.urandom(2500)
    memory.put(EVENTS, first)
    remote.sync(memory.url)
    memory.put(EVENTS, first + more)
    assert _content(remote.sync(memory.url)) == {EVENTS: first + more}
    assert max(end - start for _, start, end in asked) == 1000


@pytest.mark.parametrize("size", [50, 200, 300], ids=["shorter", "same size", "longer"])
def test_a_replaced_event_file_is_fetched_anew(memory: Any, size: int) -> None:
    memory.put(EVENTS, b"a" * 200)
    path = remote.sync(memory.url).path / EVENTS
    before = runs.file_stamp([path])
    memory.put(EVENTS, b"b" * size)
    mirror = remote.sync(memory.url)
    assert _content(mirror) == {EVENTS: b"b" * size}
    assert runs.file_stamp([path]) != before


def test_other_files_are_replaced_whole_and_in_one_step(memory: Any, asked) -> None:
    memory.put("net/job.json", b"{}")
    path = remote.sync(memory.url).path / "net/job.json"
    with path.open("rb") as reader:
        memory.put("net/job.json", b'{"id": 1}')
        remote.sync(memory.url)
        assert reader.read() == b"{}"
    assert path.read_bytes() == b'{"id": 1}'


def test_the_same_size_and_second_still_changes_the_stamp(disk: Any) -> None:
    """Caches are keyed by size and time; object stores tell the time to the second."""
    disk.put("net/job.json", b"1")
    source = Path(disk.base) / "net/job.json"
    os.utime(source, (1.7e9, 1.7e9))
    path = remote.sync(disk.url).path / "net/job.json"
    assert path.stat().st_mtime == 1.7e9
    before = runs.file_stamp([path])
    settings().mirror(disk.url).with_name(f"{settings().mirror(disk.url).name}.json").unlink()
    remote.sync(disk.url)
    assert runs.file_stamp([path]) != before


def test_what_is_gone_remotely_is_gone_here(memory: Any) -> None:
    memory.put(EVENTS, b"e")
    memory.put("other/job.json", b"{}")
    remote.sync(memory.url)
    memory.remove(EVENTS)
    mirror = remote.sync(memory.url)
    assert _content(mirror) == {"other/job.json": b"{}"}
    assert not (mirror.path / "net").exists()
    assert mirror.changed


def test_modification_times_are_kept(disk: Any) -> None:
    disk.put(EVENTS, b"e" * 10)
    os.utime(Path(disk.base) / EVENTS, (1.6e9, 1.6e9))
    (found,) = runs.discover([remote.sync(disk.url).path])
    assert (found.key, found.modified) == ("net", 1.6e9)


@pytest.mark.parametrize(
    "name",
    ["../tfevents", "a/../../tfevents", "/tfevents", "a\\..\\tfevents", "a\0tfevents",
     "a\ntfevents", "tfevents" + "x" * 300, "./tfevents"],
)  # fmt: skip
def test_hostile_names_never_leave_the_mirror(memory: Any, tmp_path: Path, name: str) -> None:
    memory.put(EVENTS, b"good")
    memory.put(name, b"evil")
    mirror = remote.sync(memory.url)
    assert _content(mirror) == {EVENTS: b"good"}
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"evil" in
                path.read_bytes() and path.parent != mirror.path.parent]  # fmt: skip
    (problem,) = mirror.problems
    assert "cannot be a file name here" in problem
    assert "\n" not in problem


def test_a_file_beside_a_folder_of_its_name_is_refused(memory: Any) -> None:
    memory.put("tfevents/tfevents", b"inner")
    memory.fs.store[f"{memory.base}/tfevents"] = memory.fs.store[f"{memory.base}/tfevents/tfevents"]
    mirror = remote.sync(memory.url)
    assert "tfevents" in mirror.problems[0]


def test_links_of_a_remote_disk_are_passed_over(disk: Any, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (Path(disk.base) / "x.tfevents").symlink_to(tmp_path / "secret")
    disk.put(EVENTS, b"e")
    assert _content(remote.sync(disk.url)) == {EVENTS: b"e"}


def test_a_file_over_the_limit_is_named_and_not_fetched(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPULSE_REMOTE_FILE_GIB", str(1000 / 2**30))
    memory.put(EVENTS, b"e" * 1000)
    memory.put("big/tfevents", b"e" * 1001)
    mirror = remote.sync(memory.url)
    assert set(_content(mirror)) == {EVENTS}
    assert "big/tfevents" in mirror.problems[0]
    assert "GPULSE_REMOTE_FILE_GIB" in mirror.problems[0]


def test_the_newest_files_that_fit_the_total_are_fetched(
    disk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPULSE_REMOTE_TOTAL_GIB", str(1000 / 2**30))
    for number in range(4):
        disk.put(f"r{number}/tfevents", b"e" * 400)
        os.utime(Path(disk.base) / f"r{number}/tfevents", (1.6e9 + number, 1.6e9 + number))
    mirror = remote.sync(disk.url)
    assert set(_content(mirror)) == {"r2/tfevents", "r3/tfevents"}
    assert "GPULSE_REMOTE_TOTAL_GIB" in mirror.problems[0]


def test_a_file_that_grows_while_it_is_read_is_taken_as_it_was_listed(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.put(EVENTS, b"a" * 100)
    read = Source.read

    def grown(self: Source, entry: Entry, start: int, end: int) -> bytes:
        memory.put(EVENTS, b"a" * 100 + b"b" * 50)
        return read(self, entry, start, end)

    with monkeypatch.context() as patch:
        patch.setattr(Source, "read", grown)
        assert _content(remote.sync(memory.url)) == {EVENTS: b"a" * 100}
    after = remote.sync(memory.url)
    assert _content(after) == {EVENTS: b"a" * 100 + b"b" * 50}
    assert after.fetched_bytes == PROBE_BYTES + 50


@pytest.mark.parametrize("left", [b"", b"a" * 10], ids=["gone", "shorter"])
def test_a_file_that_shrinks_while_it_is_read_is_left_for_the_next_look(
    memory: Any, monkeypatch: pytest.MonkeyPatch, left: bytes
) -> None:
    memory.put(EVENTS, b"a" * 100)
    read = Source.read

    def shrunk(self: Source, entry: Entry, start: int, end: int) -> bytes:
        memory.put(EVENTS, left) if left else memory.remove(EVENTS)
        return read(self, entry, start, end)

    monkeypatch.setattr(Source, "read", shrunk)
    mirror = remote.sync(memory.url)
    assert (_content(mirror), mirror.problems) == ({}, ())


def test_a_url_of_one_file_is_that_file(memory: Any) -> None:
    memory.put(EVENTS, b"e")
    mirror = remote.sync(f"{memory.url}/{EVENTS}")
    assert (mirror.path.name, mirror.path.read_bytes()) == ("events.out.tfevents.1", b"e")


def test_an_empty_place_keeps_the_mirror_and_says_of_when_it_is(memory: Any) -> None:
    with pytest.raises(NotFound, match=memory.url):
        remote.sync(memory.url)
    memory.put(EVENTS, b"e")
    remote.sync(memory.url)
    memory.remove(EVENTS)
    mirror = remote.sync(memory.url)
    assert _content(mirror) == {EVENTS: b"e"}
    assert f"the state of {time.strftime('%H:')}" in mirror.problems[0]


def test_a_missing_backend_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(BadInput, match=r"^gs:// needs an extra: pip install gcsfs$"):
        remote.sync("gs://bucket/logs")


def test_a_missing_fsspec_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(BadInput, match=r"^s3:// needs an extra: pip install s3fs$"):
        remote.sync("s3://bucket/logs")


def test_an_unknown_scheme_is_one_line() -> None:
    with pytest.raises(BadInput, match="zzz:// is not an address"):
        remote.sync("zzz://bucket/logs")


def test_a_password_is_neither_shown_nor_stored(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        remote.sync("zzz://me:hidden@host/logs")
    assert "hidden" not in str(caught.value)
    assert not [path for path in tmp_path.rglob("*") if "hidden" in str(path)]


def test_a_mirror_that_cannot_be_written_is_one_line(memory: Any, tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"a file in its place")
    memory.put(EVENTS, b"e")
    with pytest.raises(BadInput, match="GPULSE_STATE_DIR"):
        remote.sync(memory.url)


def test_two_processes_take_turns(disk: Any) -> None:
    for number in range(40):
        disk.put(f"r{number}/tfevents", os.urandom(50_000))
    code = "import sys; from core import remote; print(remote.sync(sys.argv[1]).fetched_bytes)"
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code, disk.url], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    fetched = [int(process.communicate()[0]) for process in both]
    assert sorted(fetched) == [0, 40 * 50_000]
    assert len(_content(remote.sync(disk.url))) == 40
