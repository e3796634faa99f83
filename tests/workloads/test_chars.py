"""chars: Python's own manual, windows that do not overlap, a model that cannot look ahead."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from core.workloads import load, validate
from core.workloads.chars import read_text


@pytest.fixture(scope="module")
def chars() -> Any:
    return load("chars")


def params_of(workload: Any, **given: Any) -> Any:
    return workload.Params(**validate("chars", given))


def test_the_text_is_long_and_the_target_is_the_next_character(chars):
    text, alphabet = read_text()
    assert len(text) > 300_000
    train, val = chars.datasets(params_of(chars, context=16, train_samples=0))
    inputs, targets = train[3]
    assert "".join(alphabet[i] for i in inputs.tolist()) == text[48:64]
    assert torch.equal(inputs[1:], targets[:-1])
    assert len(val) < len(train)
    with pytest.raises(IndexError):
        train[len(train)]


def test_train_samples_limits_the_windows(chars):
    assert len(chars.datasets(params_of(chars, train_samples=7))[0]) == 7


def test_a_later_character_does_not_change_an_earlier_prediction(chars):
    params = params_of(chars, context=12, width=16, layers=1)
    torch.manual_seed(0)
    model = chars.model(params).eval()
    codes = torch.randint(0, 50, (1, 12))
    changed = codes.clone()
    changed[0, -1] = (changed[0, -1] + 1) % 50
    with torch.inference_mode():
        one, two = model(codes), model(changed)
    assert torch.allclose(one[0, :-1], two[0, :-1], atol=1e-5)
    assert not torch.allclose(one[0, -1], two[0, -1], atol=1e-5)


def test_a_sample_reads_as_text(chars):
    alphabet = read_text()[1]
    codes = torch.tensor([alphabet.index(c) for c in "def f"])
    outputs = torch.nn.functional.one_hot(codes, len(alphabet)).float()
    assert chars.text(codes, outputs, codes).count("def f") == 3
