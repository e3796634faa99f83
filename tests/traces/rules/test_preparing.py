"""D4: a batch is prepared in the training loop; what the DataLoader is seen to do inside."""

from __future__ import annotations

import pytest

LOADER = "enumerate(DataLoader)#_SingleProcessDataLoaderIter.__next__"


def preparing(line, *, gap=2_000, size=2**20, python=True, loader=False, upload=True):
    """Steps of 10 ms that begin with ``gap`` µs of Python, then a batch is copied."""
    line.steps(3, 10_000)
    for t in range(0, 30_000, 10_000):
        if python:
            line.host("prepare.py(9): tokenize", t, gap, kind="python_function")
        if loader:
            line.host(LOADER, t, 30, kind="user_annotation")
        if upload:
            name = "Memcpy HtoD (Pinned -> Device)"
            line.work(name, t + gap, t + gap + 5, 10, kind="gpu_memcpy", bytes=size)
        line.work("gemm", t + gap + 10, t + gap + 15, 10_000 - gap - 20)
    return line.found()


def test_python_before_a_batch_is_copied_is_preparation(line):
    found = preparing(line)
    assert found["D4"].where.endswith("at prepare.py(9): tokenize")
    assert found["D4"].cost_ms == pytest.approx(2, abs=0.02)
    assert "F2" not in found


def test_unrecorded_time_counts_and_a_dataloader_beside_it_does_not_hide_it(line):
    assert "D4" in preparing(line, python=False, loader=True)


def test_without_a_dataloader_the_first_kernel_of_a_step_counts(line):
    assert "D4" in preparing(line, upload=False)


@pytest.mark.parametrize(
    "change",
    [{"gap": 900}, {"size": 64, "loader": True}, {"upload": False, "loader": True}],
    ids=["under 1 ms and 10 %", "a scalar", "no batch"],
)
def test_other_python_is_not_called_preparation(line, change):
    assert "D4" not in preparing(line, **change)


def loading(line, frames, *, kind="python_function"):
    line.steps(2, 10_000)
    for t in (0, 10_000):
        line.host(LOADER, t, 8_000, kind="user_annotation")
        for name, start, length in frames:
            line.host(name, t + start, length, kind=kind)
        line.work("gemm", t + 8_010, t + 8_020, 1_900)
    return line.found()["D1"].evidence


FETCH = ("torch/utils/data/_utils/fetch.py(54): fetch", 1, 7_990)


def test_the_function_inside_the_dataset_is_named(line):
    said = loading(
        line,
        [
            ("train.py(3): main", 0, 10_000),
            FETCH,
            ("data/cells.py(33): __getitem__", 2, 7_900),
            ("PIL/Image.py(900): resize", 3, 6_000),
            ("<built-in method resize of ImagingCore object>", 4, 5_900),
        ],
    )
    assert any("your code data/cells.py(33): __getitem__" in text for text in said)
    assert any(
        "<built-in method resize of ImagingCore object>, called in PIL/Image.py(900): resize"
        in text
        for text in said
    )
    assert not any("train.py" in text for text in said)
    assert not any("collating" in text for text in said)


def test_a_slow_collate_is_said(line):
    collate = ("torch/utils/data/_utils/collate.py(200): default_collate", 100, 5_000)
    said = loading(line, [FETCH, collate, ("<built-in method stack>", 110, 4_900)])
    assert any("collating samples into a batch" in text and text[:2] == "62" for text in said)


def test_without_stacks_the_operators_speak(line):
    said = loading(line, [("aten::stack", 100, 4_000)], kind="cpu_op")
    assert "50 % of that is aten::stack (2 calls)." in said


def test_a_silent_loader_says_nothing_more(line):
    assert len(loading(line, [])) == 2
