"""The tail of a log and the one line that says why a job failed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.jobs.logs import error_line, tail

CHAINED = """\
epoch 1
Traceback (most recent call last):
  File "a.py", line 1, in <module>
    x = y
KeyError: 'y'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "a.py", line 3, in <module>
    raise ValueError("bad shape")
ValueError: bad shape
Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.
/usr/lib/python3.11/multiprocessing/resource_tracker.py:224: UserWarning: leaked semaphore
  warnings.warn('resource_tracker')
"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (CHAINED, "ValueError: bad shape"),
        ("fine\nerror: No CUDA device. Choose cpu.\n", "No CUDA device. Choose cpu."),
        ("error: early\n" + CHAINED, "ValueError: bad shape"),
        (CHAINED + "error: late\n", "late"),
        ("Traceback (most recent call last):\n  File x\nKeyboardInterrupt\n", "KeyboardInterrupt"),
        (
            "Traceback (most recent call last):\n  File x\ntorch.OutOfMemoryError: CUDA, tried 2\n",
            "torch.OutOfMemoryError: CUDA, tried 2",
        ),
        ("first\nlast words\n\n", "last words"),
        ("\x1b[31mred\x1b[0m\n", "red"),
        ("10%\r 50%\r100%\n", "100%"),
        ("Traceback (most recent call last):\n  File cut", "File cut"),
        ("", "ended with exit code 3 and an empty log"),
    ],
)
def test_the_reason_is_found(tmp_path, text, line):
    (tmp_path / "log.txt").write_text(text)

    assert error_line(tmp_path, 3) == line


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (-9, "killed by signal 9 (SIGKILL)"),
        (-11, "killed by signal 11 (SIGSEGV)"),
        (-200, "killed by signal 200 (unknown)"),
    ],
)
def test_a_signal_is_named(tmp_path, code, line):
    assert error_line(tmp_path, code) == line


def test_without_a_log_there_is_still_a_reason(tmp_path):
    assert error_line(tmp_path, 1) == "ended with exit code 1 and an empty log"
    assert tail(tmp_path / "log.txt", 100) == ""


def test_the_tail_holds_whole_lines(tmp_path):
    path = tmp_path / "log.txt"
    path.write_text("".join(f"line {number}\n" for number in range(1000)))

    text = tail(path, 100)

    assert text.startswith("line ")
    assert text.endswith("line 999\n")
    assert len(text) <= 100


@given(content=st.binary(max_size=400), size=st.integers(1, 500), code=st.integers(-70, 300))
def test_any_bytes_give_text_that_a_page_can_show(tmp_path_factory, content, size, code):
    folder = tmp_path_factory.getbasetemp() / "any"
    folder.mkdir(exist_ok=True)
    (folder / "log.txt").write_bytes(content)

    shown, reason = tail(folder / "log.txt", size), error_line(folder, code)

    assert "\x1b" not in shown
    assert "\x00" not in shown
    assert reason
    assert len(reason.splitlines()) == 1
    assert len(reason) <= 400
