"""What is refused before anything is stored or started."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from pydantic import ValidationError

from core import jobs
from core.errors import BadInput, GpulseError, NotAllowed, NotFound
from core.jobs import devices, make_spec


def test_a_spec_carries_the_full_parameters():
    spec = make_spec("train", "digits", {"epochs": "3"}, device="cpu")

    assert (spec.kind, spec.workload, spec.device) == ("train", "digits", "cpu")
    assert spec.params["epochs"] == 3
    assert "lr" in spec.params
    with pytest.raises(ValidationError):
        spec.workload = "photos"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "shell"}, "Choose train, profile or tune"),
        ({"workload": "nope"}, "digits"),
        ({"workload": "os:system"}, "os:system"),
        ({"workload": "../../etc"}, "etc"),
        ({"params": {"epochs": 0}}, "epochs"),
        ({"params": {"lr": -1.0}}, "lr"),
        ({"params": {"nope": 1}}, "nope"),
        ({"device": "tpu"}, "Choose auto, cpu, cuda"),
        ({"device": "cuda:x; rm -rf /"}, "Choose auto, cpu, cuda"),
        ({"parent": "../x"}, "is not the id of a job"),
    ],
)
def test_anything_wrong_is_one_line(change, words):
    request = {"kind": "train", "workload": "digits", "params": {}, **change}

    with pytest.raises(BadInput, match=words) as caught:
        make_spec(**request)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("workload", ["nope", "os:system"])
def test_launch_refuses_a_workload_that_no_one_allowed(folders, workload):
    spec = jobs.JobSpec(kind="train", workload=workload, params={})

    with pytest.raises((NotAllowed, NotFound)):
        jobs.launch(spec)
    assert jobs.list_jobs() == []
    assert not folders.runs.exists()


@pytest.mark.parametrize("workload", ["../up", "a/b", "a b", "x;y", "", "a\nb", "é:ü"])
def test_a_spec_holds_no_hostile_name(workload):
    with pytest.raises(ValidationError):
        jobs.JobSpec(kind="train", workload=workload, params={})


def test_a_rerun_names_a_job_that_is_there(folders):
    spec = jobs.JobSpec(kind="train", workload="digits", params={}, parent="gone")

    with pytest.raises(GpulseError, match="There is no job 'gone'"):
        jobs.launch(spec)


def test_cuda_and_mps_are_refused_where_they_cannot_be(monkeypatch):
    monkeypatch.setattr(devices, "cuda_count", lambda: 0)
    monkeypatch.setattr(sys, "platform", "linux")

    for device, name in (("cuda", "CUDA"), ("cuda:1", "CUDA"), ("mps", "MPS")):
        with pytest.raises(BadInput, match=f"No {name} device on this machine. Choose device"):
            make_spec("train", "digits", {}, device)


@pytest.mark.parametrize(("count", "accepted"), [(1, 1), (2, 2), (None, 4)])
def test_a_cuda_index_is_checked_against_the_count_where_it_is_known(monkeypatch, count, accepted):
    monkeypatch.setattr(devices, "cuda_count", lambda: count)

    for index in range(accepted):
        devices.check_device(f"cuda:{index}")
    if count is not None:
        with pytest.raises(BadInput, match=f"this machine has {count} CUDA"):
            devices.check_device(f"cuda:{count}")


@pytest.mark.parametrize("visible", ["", "-1"])
def test_hidden_cuda_devices_are_not_there(monkeypatch, visible):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)

    assert devices.cuda_count() == 0


def test_nothing_in_the_room_imports_torch_or_streamlit():
    code = "import sys, json, core.jobs.supervisor as _; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    assert {"torch", "streamlit"}.isdisjoint(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("needs", "words"),
    [
        ({"cpu": 1}, "Unknown need 'cpu'"),
        ({"cpus": 0}, "cpus must be a number from 1"),
        ({"memory_mib": "lots"}, "memory_mib must be a number"),
        ({"time_limit_s": float("nan")}, "time_limit_s must be a number"),
    ],
)
def test_needs_that_make_no_sense_are_refused_in_one_line(needs, words):
    with pytest.raises(BadInput, match=words):
        jobs.make_spec("train", "digits", {}, "cpu", needs=needs)


def test_needs_are_understood_as_a_command_line_writes_them():
    spec = jobs.make_spec(
        "train", "digits", {}, "cpu", needs={"cpus": "2", "share_gpu": "true"}, priority=3
    )

    assert (spec.needs.cpus, spec.needs.share_gpu, spec.needs.gpus) == (2, True, -1)
    assert spec.priority == 3
    with pytest.raises(BadInput, match="priority"):
        jobs.make_spec("train", "digits", {}, "cpu", priority=1_000)
