"""Snapshots of event files: what is read again, from where, and what is kept on disk."""

from __future__ import annotations

import os
import random
import shutil
import stat
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from core.events import cachefile, library, scan

Reads = list[int]


@pytest.fixture(autouse=True)
def forgotten():
    library.forget()
    yield
    library.forget()


@pytest.fixture
def reads(monkeypatch) -> Reads:
    """The first byte of every pass over a file."""
    starts: Reads = []
    original = scan.scan

    def counted(stream, state):
        starts.append(state.end)
        return original(stream, state)

    monkeypatch.setattr(scan, "scan", counted)
    return starts


@pytest.fixture
def content(log) -> bytes:
    return log().scalars("a", range(20)).to_bytes()


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "logs" / "events.out.tfevents.1"
    path.parent.mkdir()
    return path


def values(path: Path) -> list[float]:
    return library.get(path).rows.value.tolist()


def replace_content(path: Path, content: bytes) -> None:
    """New content with the old size and modification time."""
    before = path.stat()
    assert len(content) == before.st_size
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_an_unchanged_file_is_read_once(file, content, reads):
    file.write_bytes(content)
    first = library.get(file)
    assert library.get(file) is first
    assert library.get_all([file, file]) == [first, first]
    assert reads == [0]


def test_of_a_file_that_grew_only_the_new_bytes_are_read(file, content, log, reads):
    for count in range(5, 21, 5):
        grown = log().scalars("a", range(count)).to_bytes()
        before = file.stat().st_size if file.exists() else 0
        file.write_bytes(grown)
        assert values(file) == list(range(count))
        assert reads[-1] == before
        assert library.get(file).problems() == []
    assert len(reads) == 4


def test_a_file_that_grows_byte_by_byte_never_shows_half_a_record(file, content, log):
    short = log().scalars("a", range(3)).text("note", 4, "text").to_bytes()
    shown = []
    for size in range(1, len(short) + 1):
        file.write_bytes(short[:size])
        snapshot = library.get(file)
        shown.append(snapshot.rows.value.tolist())
        assert snapshot.rows.value.tolist() == list(range(len(shown[-1])))
        assert all(problem.pending for problem in snapshot.problems())
    assert [len(each) for each in shown] == sorted(len(each) for each in shown)
    assert shown[-1] == [0, 1, 2]
    assert [value.tag for value in library.get(file).values] == ["note"]


def test_a_partial_last_record_waits(file, content, log, reads):
    file.write_bytes(content[:-5])
    assert values(file) == list(range(19))
    (problem,) = library.get(file).problems()
    assert problem.pending
    whole = file.stat().st_size
    file.write_bytes(content)
    assert values(file) == list(range(20))
    assert library.get(file).problems() == []
    assert 0 < reads[1] < whole


def test_other_content_of_one_size_and_time_is_noticed(file, log):
    file.write_bytes(log().scalars("a", range(20)).to_bytes())
    assert values(file) == list(range(20))
    replace_content(file, log().scalars("a", range(100, 120)).to_bytes())
    assert values(file) == list(range(100, 120))


def test_one_value_changed_amid_a_file_is_noticed(file, log):
    numbers = [float(number) for number in range(200)]
    file.write_bytes(log().scalars("a", numbers).to_bytes())
    assert values(file) == numbers
    numbers[100] = -1.0
    replace_content(file, log().scalars("a", numbers).to_bytes())
    assert values(file) == numbers
    library.forget()
    numbers[101] = -2.0
    replace_content(file, log().scalars("a", numbers).to_bytes())
    assert values(file) == numbers


def test_a_replaced_file_is_kept_on_disk_too(file, log, reads):
    for first in (0, 100):
        file.write_bytes(log().scalars("a", range(first, first + 20)).to_bytes())
        assert values(file) == list(range(first, first + 20))
    library.forget()
    assert values(file) == list(range(100, 120))
    assert reads == [0, 0]


def test_a_longer_file_in_its_place_is_read_afresh(file, log, reads):
    file.write_bytes(log().scalars("a", range(20)).to_bytes())
    assert len(values(file)) == 20
    other = file.with_name("other")
    other.write_bytes(log().scalars("b", range(50, 90)).to_bytes())
    other.replace(file)
    snapshot = library.get(file)
    assert snapshot.rows.tags == ("b",)
    assert snapshot.rows.value.tolist() == list(range(50, 90))
    assert reads == [0, 0]


def test_truncated_and_grown_again(file, content, log):
    file.write_bytes(content)
    assert len(values(file)) == 20
    file.write_bytes(content[: len(content) // 2])
    assert values(file) == list(range(len(values(file))))
    assert len(values(file)) < 20
    file.write_bytes(b"")
    assert "empty" in library.get(file).problems()[0].message
    file.write_bytes(log().scalars("a", range(50, 100)).to_bytes())
    assert values(file) == list(range(50, 100))


def test_a_file_deleted_while_known_is_a_problem_until_it_is_back(file, content):
    file.write_bytes(content)
    assert len(values(file)) == 20
    file.unlink()
    snapshot = library.get(file)
    assert len(snapshot.rows) == 0
    assert "cannot be read" in snapshot.problems()[0].message
    file.write_bytes(content)
    assert values(file) == list(range(20))


def test_what_is_on_disk_serves_the_next_process(file, content, reads, log, png):
    log().scalars("a", range(20)).text("note", 3, "ü").image("i", 1, png, 6, 4).write(file)
    first = library.get(file)
    library.forget()
    second = library.get(file)
    assert reads == [0]
    assert second.rows.tags == first.rows.tags
    assert second.rows.value.tolist() == first.rows.value.tolist()
    assert second.values == first.values
    assert (second.state, second.identity) == (first.state, first.identity)


def test_the_next_process_goes_on_where_the_last_one_ended(file, content, reads, log):
    file.write_bytes(content)
    assert len(values(file)) == 20
    library.forget()
    file.write_bytes(log().scalars("a", range(30)).to_bytes())
    assert values(file) == list(range(30))
    assert reads == [0, len(content)]


def test_damage_is_remembered_on_disk(file, content):
    broken = bytearray(content)
    broken[len(broken) // 2] ^= 1
    file.write_bytes(bytes(broken))
    problems = library.get(file).problems()
    assert len(problems) == 1
    library.forget()
    assert library.get(file).problems() == problems


def test_the_cache_folder_may_be_deleted_at_any_time(file, content, log, reads):
    file.write_bytes(content)
    assert len(values(file)) == 20
    shutil.rmtree(cachefile.folder())
    assert len(values(file)) == 20
    library.forget()
    assert len(values(file)) == 20
    shutil.rmtree(cachefile.folder())
    file.write_bytes(log().scalars("a", range(3000)).to_bytes())
    assert len(values(file)) == 3000
    library.forget()
    assert len(values(file)) == 3000
    assert reads == [0, 0, len(content)]


def test_a_damaged_cache_file_is_read_anew(file, log):
    writer = log().scalars("loss/train", range(40)).text("note", 1, "text")
    writer.write(file)
    assert len(values(file)) == 40
    kept = cachefile.file_of(file)
    good = kept.read_bytes()
    source = random.Random(7)
    damages: list[bytes] = [b"", b"PAR1", bytes(len(good)), good[:-9], good[: len(good) // 2]]
    for _ in range(60):  # the first row group: what would be shown
        broken = bytearray(good)
        broken[source.randrange(4, len(good) // 4)] ^= 1 << source.randrange(8)
        damages.append(bytes(broken))
    for damage in damages:
        kept.write_bytes(damage)
        library.forget()
        assert values(file) == list(range(40))
        assert [value.tag for value in library.get(file).values] == ["note"]


def test_the_cache_file_of_another_event_file_is_not_believed(file, content, log):
    file.write_bytes(content)
    other = file.with_name("x.tfevents")
    other.write_bytes(log().scalars("b", [7]).to_bytes())
    assert len(values(file)) == 20
    assert values(other) == [7]
    shutil.copy(cachefile.file_of(file), cachefile.file_of(other))
    library.forget()
    assert values(other) == [7]


def test_a_state_folder_that_cannot_be_written_costs_only_the_cache(
    file, content, tmp_path, monkeypatch, log
):
    (tmp_path / "in the way").touch()
    monkeypatch.setenv("GPULSE_STATE_DIR", str(tmp_path / "in the way"))
    file.write_bytes(content)
    assert values(file) == list(range(20))
    file.write_bytes(log().scalars("a", range(25)).to_bytes())
    assert values(file) == list(range(25))
    library.forget()
    assert values(file) == list(range(25))


def cached_bytes() -> int:
    return sum(path.stat().st_size for path in cachefile.folder().iterdir())


def test_the_folder_stays_below_its_limit_and_keeps_what_was_used_last(
    tmp_path, monkeypatch, log, reads
):
    monkeypatch.setenv("GPULSE_CACHE_MIB", "1")
    source = random.Random(1)
    files = []
    for number in range(30):
        tag = source.randbytes(30_000).hex()
        files.append(log().scalar(tag, 0, 1.0).write(tmp_path / f"logs/{number}.tfevents"))
        library.get(files[-1])
        os.utime(cachefile.file_of(files[-1]), (number, number))
        library.forget()
        library.get(files[0])  # used again and again
        assert cached_bytes() <= 2**20 * 1.1
    kept = [cachefile.file_of(path).exists() for path in files]
    assert kept[0]
    assert kept[-1]
    assert not kept[1]
    assert kept[1:] == sorted(kept[1:])
    assert len(reads) == len(files)


def test_the_disk_is_left_alone_while_a_file_grows_little(file, log):
    file.write_bytes(log().scalars("a", range(20)).to_bytes())
    library.get(file)
    kept = cachefile.file_of(file)
    before = kept.stat().st_mtime_ns
    file.write_bytes(log().scalars("a", range(21)).to_bytes())
    assert len(values(file)) == 21
    assert kept.stat().st_mtime_ns == before
    file.write_bytes(log().scalars("a", range(4000)).to_bytes())
    assert len(values(file)) == 4000
    assert kept.stat().st_mtime_ns > before


def test_memory_keeps_to_its_limit(tmp_path, monkeypatch, log, reads):
    monkeypatch.setenv("GPULSE_MEMORY_MIB", "1")
    content = log().scalars("a", range(6000)).to_bytes()  # 24 bytes a row
    files = [tmp_path / f"logs/{number}.tfevents" for number in range(12)]
    for path in files:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        assert len(values(path)) == 6000
    known = [library.peek(path) for path in files]
    held = sum(snapshot.nbytes for snapshot in known if snapshot)
    assert 0 < held <= 2**20
    assert known[-1] is not None
    assert known[0] is None
    assert [values(path)[-1] for path in files] == [5999] * 12
    assert len(reads) == 12  # what left memory came from disk


def test_many_unread_files_are_read_by_other_processes(tmp_path, monkeypatch, log, reads):
    monkeypatch.setattr(library, "PARALLEL_BYTES", 1)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    files = [
        log().scalars("a", range(number)).write(tmp_path / f"logs/{name}.tfevents")
        for number, name in enumerate(["one", "two", "drei ü", "four\n"], 1)
    ]
    found = library.get_all(files)
    assert [len(snapshot.rows) for snapshot in found] == [1, 2, 3, 4]
    assert reads == []


def test_processes_that_cannot_start_cost_only_time(tmp_path, monkeypatch, log, reads):
    def fail(*args, **options):
        raise OSError("no process can be started")

    monkeypatch.setattr(library, "PARALLEL_BYTES", 1)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(subprocess, "Popen", fail)
    files = [log().scalars("a", [1]).write(tmp_path / f"{name}.tfevents") for name in "ab"]
    assert [len(snapshot.rows) for snapshot in library.get_all(files)] == [1, 1]
    assert reads == [0, 0]


def run_together(*functions: Callable[[], None]) -> None:
    failures: list[BaseException] = []

    def guarded(function: Callable[[], None]) -> None:
        try:
            function()
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_many_readers_of_a_growing_file_see_prefixes_that_grow(file, log):
    content = log().scalars("a", range(1500)).to_bytes()
    done = threading.Event()

    def write() -> None:
        with file.open("wb") as stream:
            for first in range(0, len(content), 1777):
                stream.write(content[first : first + 1777])
                stream.flush()
        done.set()

    def follow() -> None:
        seen = 0
        while seen < 1500:
            finished = done.is_set()
            found = values(file)
            assert found == list(range(len(found)))
            assert len(found) >= seen
            seen = len(found)
            assert seen == 1500 or not finished

    file.touch()
    run_together(write, *[follow] * 4)


def test_readers_that_come_together_read_a_file_once(file, log, reads):
    file.write_bytes(log().scalars("a", range(3000)).to_bytes())
    together = threading.Barrier(6)

    def read() -> None:
        together.wait()
        assert len(values(file)) == 3000

    run_together(*[read] * 6)
    assert reads == [0]


def test_nothing_is_written_into_the_log_folder(file, content):
    file.write_bytes(content)
    (file.parent / "empty.tfevents").touch()
    mode = stat.S_IMODE(file.parent.stat().st_mode)
    before = file.parent.stat().st_mtime_ns
    file.parent.chmod(0o555)
    try:
        library.get_all(sorted(file.parent.iterdir()))
    finally:
        file.parent.chmod(mode)
    assert sorted(path.name for path in file.parent.iterdir()) == ["empty.tfevents", file.name]
    assert file.parent.stat().st_mtime_ns == before
    assert file.read_bytes() == content


@pytest.mark.skipif(os.name == "nt", reason="file names are text on this platform")
def test_a_name_that_is_no_text_is_kept_on_disk_too(file, content, reads):
    path = Path(os.fsdecode(os.fsencode(file.parent) + b"/\xff.tfevents"))
    path.write_bytes(content)
    assert len(values(path)) == 20
    library.forget()
    assert len(values(path)) == 20
    assert reads == [0]
