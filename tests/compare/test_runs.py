"""Two runs: curves, parameters, logged speed, traces."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from torch.utils.tensorboard import SummaryWriter

from core.compare import RunComparison, TraceComparison, compare, compare_runs
from core.errors import BadInput, NotFound, Unreadable
from core.runs import discover

Values = dict[str, list[float]]


def _log(folder: Path, values: Values, params: dict[str, object] | None = None) -> Path:
    with SummaryWriter(str(folder)) as writer:
        for tag, numbers in values.items():
            for step, value in enumerate(numbers, 1):
                writer.add_scalar(tag, value, step)
    if params is not None:
        job = {"id": folder.name, "workload": "digits", "params": params}
        (folder / "job.json").write_text(json.dumps(job))
    return folder


def _losses(best: float) -> Values:
    val = [best + 1.5 * 0.7**epoch for epoch in range(20)]
    return {"Loss/train": [value - 0.1 for value in val], "Loss/val": val}


def _runs(a: Path, b: Path) -> RunComparison:
    found = compare(a, b)
    assert isinstance(found, RunComparison)
    return found


def test_what_was_logged_and_what_differs(tmp_path: Path) -> None:
    speed = {"Speed/step_ms": [90, 30, 31, 30, 29], **_losses(0.4)}
    a = _log(tmp_path / "a", speed, {"num_workers": 0, "lr": 0.1})
    faster = {"Speed/step_ms": [90, 20, 21, 20, 19], **_losses(0.4)}
    b = _log(tmp_path / "b", faster, {"num_workers": 2, "lr": 0.1})
    found = _runs(a, b)
    assert found.speedup is not None
    assert found.speedup.value == pytest.approx(1.5)
    assert found.step_ms == pytest.approx((30, 20))
    assert found.params == (("num_workers", "0", "2"),)
    assert "Changed: num_workers 0 → 2." in found.summary
    assert "They learn equally well" in found.summary
    record = found.to_json()
    json.dumps(record, allow_nan=False)
    assert record["speedup"] == pytest.approx(1.5)
    assert record["step_ms"] == [30.0, 20.0]
    assert (record["resolved"], record["introduced"], record["changes"]) == ([], [], [])


@pytest.mark.parametrize(("best", "word"), [(0.2, "better"), (0.7, "worse")])
def test_a_loss_beyond_the_noise_is_better_or_worse(tmp_path: Path, best: float, word: str) -> None:
    found = _runs(_log(tmp_path / "a", _losses(0.4)), _log(tmp_path / "b", _losses(best)))
    assert f"B learns {word}" in found.summary
    assert found.speedup is None
    verdicts = found.to_json()["learning"]
    assert isinstance(verdicts, dict)
    assert verdicts["b"]["best_value"] == pytest.approx(best, abs=0.01)


def test_both_losses_are_held_against_each_other_in_one_sentence(tmp_path: Path) -> None:
    for name, best in (("a", 0.4), ("same", 0.4), ("worse", 0.7)):
        _log(tmp_path / name, {"Speed/step_ms": [30.0] * 5, **_losses(best)})
    same = _runs(tmp_path / "a", tmp_path / "same")
    assert same.answer.endswith("; train and validation losses unchanged.")
    worse = _runs(tmp_path / "a", tmp_path / "worse")
    assert [(change.split, change.word) for change in worse.losses] == [
        ("train", "worse"),
        ("validation", "worse"),
    ]
    assert "train and validation losses worse (" in worse.answer
    record = worse.to_json()
    assert [each["verdict"] for each in record["losses"]] == ["worse", "worse"]  # type: ignore[union-attr]
    assert record["answer"] == worse.answer


def test_train_losses_are_compared_where_both_were(tmp_path: Path) -> None:
    train = [2.0 * 0.9**epoch for epoch in range(30)]
    val = [1.0 + 0.5**epoch for epoch in range(30)]
    a = _log(tmp_path / "a", {"Loss/train": train, "Loss/val": val})
    b = _log(tmp_path / "b", {"Loss/train": train[:15], "Loss/val": val[:15]})
    change = _runs(a, b).losses[0]
    assert (change.split, change.at, change.word) == ("train", 15, "unchanged")


def test_three_epochs_tell_no_noise_so_no_verdict(tmp_path: Path) -> None:
    a = _log(tmp_path / "a", {"Loss/train": [1.0, 0.8, 0.7], "Loss/val": [1.0, 0.9, 0.8]})
    b = _log(tmp_path / "b", {"Loss/train": [1.0, 0.8, 0.71], "Loss/val": [1.0, 0.9, 0.79]})
    found = _runs(a, b)
    assert {change.word for change in found.losses} == {"too few points to tell"}
    assert "Too few points to tell which learns better" in found.summary


def test_runs_without_curves_or_traces_still_say_what_differs(tmp_path: Path) -> None:
    found = {}
    for name, workers, device in (("a", 0, "cpu"), ("b", 2, "NVIDIA H100")):
        (tmp_path / name).mkdir()
        job = {"id": name, "params": {"workers": workers}, "device_name": device, "git_sha": "f00"}
        (tmp_path / name / "job.json").write_text(json.dumps(job))
        (found[name],) = discover([tmp_path / name])
    both = compare_runs(found["a"], found["b"])
    assert both.answer == "The two runs have nothing in common that could be compared."
    assert both.params == (("workers", "0", "2"),)
    assert both.machine == (("device", "cpu", "NVIDIA H100"),)
    assert "Different devices: cpu in A, NVIDIA H100 in B." in both.notes
    json.dumps(both.to_json(), allow_nan=False)


def test_one_with_curves_and_one_with_a_profile_alone(
    tmp_path: Path, write_trace: Callable[..., Path]
) -> None:
    a = _log(tmp_path / "a", {"Speed/step_ms": [90.0, 80.0, 80.0, 80.0], **_losses(0.4)})
    write_trace(tmp_path / "b" / "trace" / "x.pt.trace.json", data_ms=1.0, kernels=60)
    one, two = (next(iter(discover([folder]))) for folder in (a, tmp_path / "b"))
    found = compare_runs(one, two)
    assert found.step_ms is not None
    assert found.step_ms[0] == pytest.approx(80)
    assert found.verdicts[1] is None
    assert any("the profiler's own cost" in note for note in found.notes)


def test_other_batches_are_compared_by_samples(tmp_path: Path) -> None:
    for name, size in (("a", 32), ("b", 64)):
        speed = {"Speed/step_ms": [size / 3.2] * 5, "Speed/samples_per_s": [3200.0] * 5}
        _log(tmp_path / name, speed, {"batch_size": size})
    found = _runs(tmp_path / "a", tmp_path / "b")
    assert found.speedup is not None
    assert found.speedup.value == pytest.approx(1.0)
    assert any("samples a second compare" in note for note in found.notes)


@pytest.mark.parametrize(
    ("tag", "a", "b", "known"),
    [
        ("train/iter_time_ms", 30.0, 20.0, True),
        ("perf/step_time", 0.3, 0.2, False),
        ("train/steps_per_second", 10.0, 15.0, False),
        ("samples/s", 100.0, 150.0, False),
        ("Throughput", 100.0, 150.0, False),
        ("timePerStep", 3.0, 2.0, False),
    ],
)
def test_speed_goes_by_many_names(
    tmp_path: Path, tag: str, a: float, b: float, known: bool
) -> None:
    found = _runs(_log(tmp_path / "a", {tag: [a] * 5}), _log(tmp_path / "b", {tag: [b] * 5}))
    assert found.speedup is not None
    assert found.speedup.value == pytest.approx(1.5)
    assert (found.step_ms is not None) is known


@pytest.mark.parametrize("tag", ["Loss/train", "optimizer_steps", "time_step", "batch_size"])
def test_other_tags_are_no_speed(tmp_path: Path, tag: str) -> None:
    found = _runs(_log(tmp_path / "a", {tag: [1.0] * 5}), _log(tmp_path / "b", {tag: [2.0] * 5}))
    assert found.pace is None


def test_hyper_parameters_of_event_files_count_too(tmp_path: Path) -> None:
    for name, lr in (("a", 0.1), ("b", 0.01)):
        with SummaryWriter(str(tmp_path / name)) as writer:
            writer.add_scalar("Loss/train", 1.0, 1)
            writer.add_hparams({"lr": lr, "depth": 3}, {"acc": 0.5}, run_name=".")
    assert _runs(tmp_path / "a", tmp_path / "b").params == (("lr", "0.1", "0.01"),)


def test_runs_with_profiles_say_both(tmp_path: Path, write_trace: Callable[..., Path]) -> None:
    for name, workers in (("a", 0), ("b", 4)):
        ms = 60.0 if name == "a" else 20.0
        _log(tmp_path / name, {"Speed/step_ms": [ms] * 4, **_losses(0.4)}, {"workers": workers})
        path = tmp_path / name / "trace" / "x.pt.trace.json"
        write_trace(path, data_ms=60.0, workers=workers, kernels=60)
    found = _runs(tmp_path / "a", tmp_path / "b")
    assert found.profile is not None
    assert found.speedup is found.profile.speedup
    assert "Over the whole training it is 3.00 times as fast" in found.summary
    assert "Predicted" in found.summary
    assert "D1" in found.to_json()["resolved"]  # type: ignore[operator]


def test_runs_of_traces_alone_are_compared_as_traces(
    tmp_path: Path, write_trace: Callable[..., Path]
) -> None:
    for name in ("a", "b"):
        write_trace(tmp_path / name / "trace" / "x.pt.trace.json", steps=2)
    file = tmp_path / "b" / "trace" / "x.pt.trace.json"
    assert isinstance(compare(tmp_path / "a", tmp_path / "b"), TraceComparison)
    assert isinstance(compare(file, tmp_path / "b"), TraceComparison)


def test_of_several_traces_those_of_one_name_are_taken_and_named(
    tmp_path: Path, write_trace: Callable[..., Path]
) -> None:
    for name in ("one", "two"):
        write_trace(tmp_path / "a" / "trace" / f"{name}.pt.trace.json", steps=2)
    write_trace(tmp_path / "b" / "trace" / "one.pt.trace.json", steps=2)
    found = compare(tmp_path / "a", tmp_path / "b")
    assert "A has 2 traces; compared is one.pt.trace.json." in found.notes


def test_bad_places_say_what_to_give(tmp_path: Path, write_trace: Callable[..., Path]) -> None:
    trace = write_trace(tmp_path / "t" / "x.pt.trace.json", steps=1)
    logs = _log(tmp_path / "logs" / "a", _losses(0.4))
    _log(tmp_path / "logs" / "b", _losses(0.4))
    (tmp_path / "empty").mkdir()
    (tmp_path / "no.json").write_text("nothing")
    with pytest.raises(NotFound, match="There is no"):
        compare(tmp_path / "missing", trace)
    with pytest.raises(NotFound, match="neither event files nor traces"):
        compare(tmp_path / "empty", trace)
    with pytest.raises(BadInput, match="holds 2 runs; name one of them"):
        compare(tmp_path / "logs", logs)
    with pytest.raises(BadInput, match="nothing in common"):
        compare(trace, logs)
    with pytest.raises(Unreadable):
        compare(tmp_path / "no.json", trace)
