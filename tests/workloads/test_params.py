"""Parameters are accepted as they are meant, or refused in one line that names the bound."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from core.workloads import schema, validate
from core.workloads.params import CommonParams, DigitsParams, TuneParams, parse

VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.lists(st.integers(), max_size=2)
)
NAMES = st.sampled_from([*DigitsParams.model_fields, "nonsense"]) | st.text(max_size=8)


@given(st.dictionaries(NAMES, VALUES, max_size=4), st.sampled_from(["train", "profile", "tune"]))
def test_any_mapping_validates_or_is_refused_in_one_line(params, kind):
    try:
        full = validate("digits", params, kind)
    except BadInput as error:
        assert str(error)
        assert "\n" not in str(error)
    else:
        assert json.loads(json.dumps(full, allow_nan=False)) == full
        assert validate("digits", full, kind) == full


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0."),
        ({"lr": -0.1}, "lr must be above 0, got -0.1."),
        ({"lr": "nan"}, "lr must be a finite number"),
        ({"epochs": "many"}, "epochs must be a whole number, got 'many'."),
        ({"epochs": True}, "epochs must be a number, got true."),
        ({"pin_memory": "perhaps"}, "pin_memory must be true or false"),
        ({"label_noise": 2}, "label_noise must be at most 1, got 2."),
        ({"layers": 2}, "Unknown parameter 'layers'. Known: batch_size,"),
    ],
)
def test_a_refusal_names_parameter_bound_and_value(params, words):
    with pytest.raises(BadInput, match=words.replace("(", r"\(")):
        validate("digits", params)


def test_texts_of_the_command_line_become_numbers_and_switches():
    full = validate("digits", {"lr": "0.5", "epochs": "3", "pin_memory": "false"})
    assert (full["lr"], full["epochs"], full["pin_memory"]) == (0.5, 3, False)


def test_kind_profile_ends_after_a_few_recorded_steps_unless_told_otherwise():
    assert validate("photos", {}, "profile")["profile_steps"] == 8
    assert validate("photos", {"profile_steps": 3}, "profile")["profile_steps"] == 3
    assert validate("photos", {})["profile_steps"] == 0


def test_kind_tune_takes_the_batch_size_of_the_workload_and_leaves_the_workers_to_the_probe():
    full = validate("photos", {}, "tune")
    assert full["batch_size"] == validate("photos", {})["batch_size"]
    assert full["max_workers"] == 0
    assert set(full) == set(TuneParams.model_fields)


@pytest.mark.parametrize("kind", ["train", "profile", "tune"])
@pytest.mark.parametrize("name", ["chars", "digits", "photos"])
def test_the_form_shows_exactly_what_is_validated_with_defaults_within_their_bounds(name, kind):
    rows = schema(name, kind)
    full = validate(name, {}, kind)
    assert {row.name: row.default for row in rows} == full
    for row in rows:
        assert row.help.endswith(".")
        if row.kind in ("int", "float"):
            assert row.minimum is not None
            assert row.maximum is not None
            assert row.minimum <= float(row.default) <= row.maximum
        assert (row.kind == "choice") == bool(row.choices)


def test_a_users_own_parameters_extend_the_common_ones():
    class Mine(CommonParams):
        epochs: int = 2
        depth: int = 3

    assert parse(Mine, {"depth": "5"}).depth == 5
    assert parse(Mine, {}, "profile").profile_steps == 8
