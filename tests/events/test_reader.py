"""Loading event files into frames."""

from __future__ import annotations

import math
import struct
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tbparse import SummaryReader
from tensorboard.compat.proto import event_pb2

from core.errors import NotFound, Unreadable
from core.events import KINDS, library, load
from core.events.checksums import masked

SHARED = Path(__file__).parents[2].parent / "shared" / "curves" / "events"


def test_scalars_have_the_columns_and_types_of_the_contract(tmp_path, log):
    log().scalars("Loss/train", [3, 2, 1]).write(tmp_path / "run/events.out.tfevents.1")
    scalars = load(tmp_path).scalars
    assert list(scalars.columns) == ["run", "tag", "step", "wall_time", "value"]
    assert isinstance(scalars["run"].dtype, pd.CategoricalDtype)
    assert isinstance(scalars["tag"].dtype, pd.CategoricalDtype)
    assert [str(scalars[name].dtype) for name in ("step", "wall_time", "value")] == [
        "int64",
        "float64",
        "float64",
    ]
    assert scalars["run"].tolist() == ["run"] * 3
    assert scalars["step"].tolist() == [0, 1, 2]
    assert scalars["wall_time"].tolist() == [1.7e9, 1.7e9 + 1, 1.7e9 + 2]
    assert scalars["value"].tolist() == [3, 2, 1]


def test_rows_are_sorted_by_run_and_tag_and_keep_the_file_order(tmp_path, log):
    restarted = log()
    for step in (0, 1, 2, 0, 1):
        restarted.scalar("b", step, step)
        restarted.scalar("a", step, step)
    restarted.write(tmp_path / "z/events.out.tfevents.1")
    log().scalars("a", [7]).write(tmp_path / "z/events.out.tfevents.2")
    log().scalars("a", [9]).write(tmp_path / "events.out.tfevents.9")
    scalars = load(tmp_path).scalars
    keys = list(zip(scalars["run"], scalars["tag"], scalars["step"], strict=True))
    assert keys == [
        (".", "a", 0),
        *[("z", "a", step) for step in (0, 1, 2, 0, 1, 0)],
        *[("z", "b", step) for step in (0, 1, 2, 0, 1)],
    ]


def test_nonfinite_values_are_kept(tmp_path, log):
    log().scalars("a", [math.nan, math.inf, -math.inf]).write(tmp_path / "x.tfevents")
    values = load(tmp_path).scalars["value"].to_numpy()
    assert np.isnan(values[0])
    assert values[1:].tolist() == [math.inf, -math.inf]


def test_new_style_scalars_are_read_from_tensors(tmp_path, log):
    keras = log()
    for step, value in enumerate([0.5, 0.25]):
        keras.tensor("epoch_loss", step, np.float32(value), plugin="scalars")
    keras.tensor("keras", 0, b"{}", plugin="graph_keras_model")
    keras.write(tmp_path / "train/x.tfevents")
    scalars = load(tmp_path).scalars
    assert scalars["tag"].tolist() == ["epoch_loss"] * 2
    assert scalars["value"].tolist() == [0.5, 0.25]


def test_rows_are_those_of_tbparse(tmp_path, log):
    writer = log().scalars("a", [1, math.nan, 3]).scalars("b", [4, 5])
    path = writer.write(tmp_path / "x.tfevents")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tbparse calls pandas in a way that is deprecated
        expected = SummaryReader(str(path), extra_columns={"wall_time"}).scalars
    columns = ["tag", "step", "wall_time", "value"]
    ours = load(path).scalars.loc[:, columns].astype({"tag": str})
    theirs = expected.loc[:, columns].astype({"tag": str})
    pd.testing.assert_frame_equal(pd.DataFrame(ours), pd.DataFrame(theirs))


def test_images_keep_their_encoded_bytes_and_sizes(tmp_path, log, png):
    writer = log().image("inputs", 3, png, 6, 4).image("inputs", 4, png, 6, 4)
    writer.tensor("keras", 5, np.array([b"6", b"4", png, png], object), plugin="images")
    writer.write(tmp_path / "x.tfevents")
    images = load(tmp_path, {"images"}).images
    assert images["png"].tolist() == [png] * 4
    assert images["tag"].tolist() == ["inputs", "inputs", "keras", "keras"]
    assert images["step"].tolist() == [3, 4, 5, 5]
    assert set(images["width"]) == {6}
    assert set(images["height"]) == {4}


def test_histograms_have_limits_and_counts(tmp_path, log):
    writer = log().histogram("weights", 2, [0.0, 1.0, 2.0], [0, 5, 3])
    writer.tensor("keras", 3, np.array([[0, 1, 4], [1, 2, 6]], np.float32), plugin="histograms")
    writer.write(tmp_path / "x.tfevents")
    histograms = load(tmp_path, {"histograms"}).histograms.set_index("tag")
    assert histograms.loc["weights", "limits"].tolist() == [0, 1, 2]
    assert histograms.loc["weights", "counts"].tolist() == [0, 5, 3]
    assert histograms.loc["keras", "limits"].tolist() == [0, 1, 2]
    assert histograms.loc["keras", "counts"].tolist() == [0, 4, 6]


def test_every_text_is_read(tmp_path, log):
    writer = log()
    for step in range(5):
        writer.text("note", step, f"text {step}")
    writer.write(tmp_path / "x.tfevents")
    text = load(tmp_path, {"text"}).text
    assert text["value"].tolist() == [f"text {step}" for step in range(5)]
    assert text["tag"].tolist() == ["note"] * 5


def test_hyperparameters(tmp_path, log):
    log().hparams({"lr": 0.1, "optimiser": "adam"}).write(tmp_path / "x.tfevents")
    hparams = load(tmp_path, {"hparams"}).hparams
    assert dict(zip(hparams["name"], hparams["value"], strict=True)) == {
        "lr": 0.1,
        "optimiser": "adam",
    }


def test_kinds_not_asked_for_are_empty_but_have_their_columns(tmp_path, log, png):
    log().scalars("a", [1]).image("i", 0, png, 6, 4).write(tmp_path / "x.tfevents")
    events = load(tmp_path)
    assert len(events.images) == 0
    assert list(events.images.columns) == [
        *("run", "tag", "step", "wall_time", "png", "width", "height")
    ]
    with pytest.raises(ValueError, match="Unknown kinds"):
        load(tmp_path, {"audio"})


def test_runs_are_named_below_the_root(tmp_path, log):
    file = log().scalars("a", [1]).write(tmp_path / "jobs/one/events.out.tfevents.1")
    assert load(tmp_path).scalars["run"].unique().tolist() == ["jobs/one"]
    assert load(file).scalars["run"].unique().tolist() == ["."]
    assert load([file], root=tmp_path / "jobs").scalars["run"].unique().tolist() == ["one"]
    assert load([file]).scalars["run"].unique().tolist() == ["."]


def test_a_bad_file_is_reported_and_the_rest_is_read(tmp_path, log):
    log().scalars("a", [1, 2]).write(tmp_path / "good/events.out.tfevents.1")
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "events.out.tfevents.empty").touch()
    (bad / "events.out.tfevents.garbage").write_bytes(bytes(range(256)) * 8)
    (bad / "events.out.tfevents.lfs").write_text("version https://git-lfs.github.com/spec/v1\n")
    (bad / "._events.out.tfevents.mac").write_bytes(b"\x00\x05\x16\x07" + b"\x00" * 60)
    (bad / "events.out.tfevents.gone").symlink_to(bad / "nowhere")
    (bad / "events.out.tfevents.loop").symlink_to(bad / "events.out.tfevents.loop")
    events = load(tmp_path)
    assert events.scalars["value"].tolist() == [1, 2]
    assert len(events.files) == 1
    assert len(events.problems) == 6
    for problem in events.problems:
        assert problem.file.parent == bad
        assert "\n" not in problem.message


def test_a_truncated_file_is_read_up_to_its_last_whole_record(tmp_path, log):
    content = log().scalars("a", [1, 2, 3]).to_bytes()
    (tmp_path / "x.tfevents").write_bytes(content[:-5])
    events = load(tmp_path)
    assert events.scalars["value"].tolist() == [1, 2]
    assert "cut off" in events.problems[0].message


def test_a_header_that_claims_gigabytes_costs_no_memory(tmp_path, log):
    length = struct.pack("<Q", 2**40)
    claim = length + struct.pack("<I", masked(length))
    (tmp_path / "x.tfevents").write_bytes(log().scalars("a", [1, 2]).to_bytes() + claim)
    events = load(tmp_path)
    assert events.scalars["value"].tolist() == [1, 2]
    assert len(events.problems) == 1


def test_a_flipped_bit_that_hides_the_rest_is_reported(tmp_path, log):
    content = bytearray(log().scalars("a", range(20)).to_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "x.tfevents").write_bytes(bytes(content))
    events = load(tmp_path)
    assert len(events.scalars) == 19
    (problem,) = events.problems
    assert problem.offset is not None
    assert f"damaged at byte {problem.offset:,}" in problem.message


def test_a_record_that_is_no_event_is_a_problem(tmp_path, log):
    writer = log()
    writer.records.append(b"\xff\xff\xff\xff\xff")
    writer.write(tmp_path / "x.tfevents")
    events = load(tmp_path)
    assert len(events.scalars) == 0
    assert "no event that can be parsed" in events.problems[0].message


def test_only_bad_files_are_an_error_where_one_insists(tmp_path):
    (tmp_path / "x.tfevents").write_bytes(b"nothing of the kind, but long enough")
    with pytest.raises(Unreadable, match="not an event file"):
        load(tmp_path).require_files()


def test_one_kind_that_cannot_be_parsed_leaves_the_others(tmp_path, log):
    writer = log().scalars("a", [1, 2]).text("note", 0, "fine")
    writer.tensor("odd", 1, np.array([b"two", b"texts"], object), plugin="text")
    writer.write(tmp_path / "x.tfevents")
    events = load(tmp_path, KINDS)
    assert events.scalars["value"].tolist() == [1, 2]
    (problem,) = events.problems
    assert problem.message.startswith("holds text that cannot be parsed")
    assert events.text["value"].tolist() == ["fine"]


def test_nothing_there_is_said_in_one_line(tmp_path):
    with pytest.raises(NotFound, match="does not exist"):
        load(tmp_path / "missing")
    with pytest.raises(NotFound, match="No event files"):
        load(tmp_path)
    with pytest.raises(NotFound):
        load([])


def test_importing_the_package_imports_neither_torch_nor_streamlit():
    code = (
        "import sys, core.events, core.dynamics; print({'torch', 'streamlit'} & set(sys.modules))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real event files (../shared) are not here")
def test_real_event_files_are_read_without_a_problem():
    events = load(SHARED)
    assert events.problems == ()
    counts = events.scalars["run"].astype(str).value_counts().to_dict()
    assert counts["schader/version_0"] == 15_677
    assert counts["vahec_add_scalars/loss_training"] == 1_000
    assert len(events.scalars) == 48_276


def test_a_restart_marker_before_any_value_costs_nothing(tmp_path, log):
    writer = log()
    start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)  # pyright: ignore[reportAttributeAccessIssue]
    event = event_pb2.Event(wall_time=1.7e9, step=5, session_log=start)  # pyright: ignore[reportAttributeAccessIssue]
    writer.records.append(event.SerializeToString())
    path = writer.scalars("a", [1, 2, 3]).write(tmp_path / "x.tfevents")
    assert load(path).scalars["value"].tolist() == [1, 2, 3]
    assert not library.get(path).state.whole
