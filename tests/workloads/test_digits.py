"""digits: real images, a fixed clean validation set, reproducible noise."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from core.workloads import load, validate
from core.workloads.digits import SIDE, VAL_SAMPLES, load_images, with_label_noise


@pytest.fixture(scope="module")
def digits() -> Any:
    return load("digits")


def params_of(workload: Any, **given: Any) -> Any:
    return workload.Params(**validate("digits", given))


def test_shapes_and_sizes(digits):
    params = params_of(digits)
    train, val = digits.datasets(params)
    assert (len(train), len(val)) == (params.train_samples, VAL_SAMPLES)
    image, label = train[0]
    assert image.shape == (1, SIDE, SIDE)
    assert 0 <= int(label) <= 9
    assert digits.model(params)(torch.stack([train[i][0] for i in range(4)])).shape == (4, 10)


def test_training_and_validation_share_no_image(digits):
    train, val = digits.datasets(params_of(digits, train_samples=0))
    total = len(load_images()[1])
    assert len(train) + len(val) == total == 1_797
    seen = {image.numpy().tobytes() for image, _ in train}
    assert not any(image.numpy().tobytes() in seen for image, _ in val)


def test_the_same_seed_gives_the_same_data_and_validation_never_changes(digits):
    one, val = digits.datasets(params_of(digits))
    two, _ = digits.datasets(params_of(digits))
    other, other_val = digits.datasets(params_of(digits, seed=1, label_noise=0))
    assert all(torch.equal(a, b) for a, b in zip(one.tensors, two.tensors, strict=True))
    assert not torch.equal(one.tensors[0], other.tensors[0])
    assert all(torch.equal(a, b) for a, b in zip(val.tensors, other_val.tensors, strict=True))


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_label_noise_changes_exactly_its_share_of_the_labels(share):
    labels = torch.arange(1_000) % 10
    noisy = with_label_noise(labels, share, torch.Generator().manual_seed(0))
    assert int((noisy != labels).sum()) == round(share * 1_000)
    assert 0 <= int(noisy.min()) <= int(noisy.max()) <= 9
