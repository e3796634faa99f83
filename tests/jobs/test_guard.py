"""The guard: begins an attempt at most once and records its exit whoever else dies."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from core.jobs.engines.attempts import GUARD

COMMAND = [sys.executable, "-I", "-S", str(GUARD)]
APPEND = "import sys, time; open(sys.argv[1], 'a').write('x'); time.sleep(0.2); sys.exit(5)"


def guard(folder, *argv: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*COMMAND, str(folder), *argv])


def test_of_many_guards_of_an_attempt_one_begins_it(tmp_path):
    ledger = tmp_path / "ledger"
    command = [sys.executable, "-S", "-c", APPEND, str(ledger)]

    guards = [guard(tmp_path, *command) for _ in range(4)]
    assert [process.wait(20) for process in guards] == [0] * 4
    assert guard(tmp_path, *command).wait(20) == 0, "nor does one that comes later"

    assert ledger.read_text() == "x"
    end = json.loads((tmp_path / "exit.json").read_text())
    assert end["code"] == 5
    assert abs(end["ended"] - time.time()) < 60


def test_a_guard_that_comes_after_its_attempt_was_forgotten_does_nothing(tmp_path):
    ledger = tmp_path / "ledger"
    late = subprocess.run(
        [*COMMAND, str(tmp_path / "gone"), sys.executable, "-S", "-c", APPEND, str(ledger)],
        capture_output=True,
        check=False,
    )

    assert late.returncode != 0
    assert not ledger.exists()


def test_a_program_that_is_not_there_is_an_exit_code(tmp_path):
    assert guard(tmp_path, "/no/such/program").wait(20) == 0
    assert json.loads((tmp_path / "exit.json").read_text())["code"] == 127


@pytest.mark.skipif(sys.platform != "linux", reason="the death signal is Linux's own")
def test_a_job_does_not_go_on_without_its_guard(tmp_path):
    log = tmp_path / "log"
    script = "import sys, time; print('in', flush=True); time.sleep(60)"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*COMMAND, str(tmp_path), sys.executable, "-S", "-c", script],
            stdout=out,
        )
    _until(lambda: log.read_bytes())
    pid = json.loads((tmp_path / "start.json").read_text())["pid"]

    process.kill()
    process.wait(20)

    _until(lambda: _state(pid) in {"", "Z"})
    assert not (tmp_path / "exit.json").exists()


def _state(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return ""


def _until(condition) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
