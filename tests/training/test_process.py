"""``python -m core.training``: exit codes and one-line errors, with what a spec can get wrong."""

from __future__ import annotations

import pytest
import torch

from core.errors import BadInput, NotFound, Unreadable
from core.training.__main__ import main
from core.training.device import choose_device, set_threads
from core.training.job import read_job
from core.workloads.fields import core_count


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"epochs": 0}, "error: epochs must be at least 1, got 0."),
        ({"workload": "nonsense"}, "error: Unknown workload 'nonsense'."),
        ({"device": "tpu"}, "error: Unknown device 'tpu'."),
        ({"kind": "dance"}, "error: Kind 'dance' is not for core.training."),
    ],
)
def test_a_spec_that_cannot_be_met_is_one_line_and_exit_code_2(make_job, capsys, change, words):
    folder = make_job(**change)
    assert main([str(folder)]) == 2
    told = capsys.readouterr().err
    assert told.startswith(words)
    assert told.count("\n") == 1
    assert not (folder / "progress.json").exists()


def test_usage_is_one_line(capsys):
    assert main([]) == 2
    assert capsys.readouterr().err == "error: usage: python -m core.training RUN_DIR\n"


@pytest.mark.slow
def test_a_crash_ends_with_the_line_that_the_page_shows(make_job, start, tmp_path, monkeypatch):
    module = "from core.workloads.digits import Digits\nclass Mine(Digits):\n"
    module += "    def model(self, params):\n        raise ArithmeticError('no model today')\n"
    (tmp_path / "own_crash.py").write_text(module + "workload = Mine()\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("GPULSE_WORKLOADS", "own_crash:workload")
    done = start(make_job(workload="own_crash:workload"))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "ArithmeticError: no model today"


def test_a_folder_without_a_job_is_refused(tmp_path):
    with pytest.raises(NotFound, match=r"job\.json"):
        read_job(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"kind": "train", "workload": "x", "params": 3}']
)
def test_a_damaged_job_is_refused(tmp_path, text):
    (tmp_path / "job.json").write_text(text, encoding="utf-8")
    with pytest.raises(Unreadable, match="Start the job again"):
        read_job(tmp_path)


def test_auto_takes_what_is_there():
    expected = "cuda" if torch.cuda.is_available() else None
    expected = expected or ("mps" if torch.backends.mps.is_available() else "cpu")
    assert choose_device("auto").type == expected


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
@pytest.mark.parametrize("wanted", ["cuda", "cuda:1"])
def test_a_missing_gpu_is_named(wanted):
    with pytest.raises(BadInput, match=r"No CUDA device on this machine\. Choose device auto or"):
        choose_device(wanted)


def test_workers_get_the_cores_that_torch_leaves():
    before = torch.get_num_threads()
    try:
        assert set_threads(0) == core_count() == torch.get_num_threads()
        assert set_threads(core_count() + 3) == 1
    finally:
        torch.set_num_threads(before)
