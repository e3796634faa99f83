"""Trainings made here, of small real models in milliseconds, that set no constant of the detector.

A linear student (the simulator's), a linear student whose features learn at two speeds (epoch-wise
double descent: Heckel & Yilmaz 2020, arXiv:2007.10099), a linear classifier that generalises late
(Levi, Beck & Bar-Sinai 2023, "Grokking in linear estimators"), and a network of one hidden layer
trained by mini-batches, judged by its losses and by its accuracies. Each is trained for twice as
long as it is shown: what the clean test curve does in the half not shown is part of the truth.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.dynamics import Curve, LossPair, SimulatorSettings, Verdict, diagnose, simulate

Values = NDArray[np.float64]

RISEN, NOT_RISEN = 0.08, 0.03
"""Clean test curve at the end over its minimum: past it, and not; between either word is right."""

MORE, NO_MORE = 0.10, 0.03
"""Relative fall of its minimum in the half not shown: still improving, and not."""


@dataclass(frozen=True, slots=True, eq=False)
class Fresh:
    """One training.

    Attributes:
        name: what it is of.
        pair: what the detector sees: the first half.
        expected: verdicts that count as right.
    """

    name: str
    pair: LossPair
    expected: frozenset[str]

    def verdict(self) -> Verdict:
        return diagnose(self.pair)


def expected(test: Values, shown: int) -> frozenset[str]:
    """What may be said of the first ``shown`` epochs of a clean test curve."""
    if not np.isfinite(test[:shown]).all():
        return frozenset({"diverged"})
    seen, lowest = test[:shown], float(test[:shown].min())
    rise = float(np.median(seen[int(np.argmin(seen)) :][-3:])) / lowest - 1
    words: set[str] = set()
    if rise > NOT_RISEN:
        words.add("overfitting")
    if rise < RISEN:
        later = test[shown:][np.isfinite(test[shown:])]
        gain = 1 - float(later.min(initial=lowest)) / lowest
        words |= {"optimal"} if gain < MORE else set()
        words |= {"underfitting"} if gain > NO_MORE else set()
    return frozenset(words)


def _made(
    name: str, train: Values, val: Values, test: Values, words: set[str] | None = None, **more: bool
) -> Fresh:
    shown = len(test) // 2
    steps = np.arange(shown, dtype=np.int64)
    pair = LossPair(name, "train", "val", Curve(steps, train[:shown]), Curve(steps, val[:shown]),
                    **more)  # pyright: ignore[reportArgumentType] # fmt: skip
    return Fresh(name, pair, frozenset(words) if words else expected(test, shown))


def _linear() -> Iterator[Fresh]:
    """The simulator: its validation loss is the expected one, so it is the truth as well."""
    settings = {
        "overfits": SimulatorSettings(epochs=160),
        "few samples": SimulatorSettings(samples=60, epochs=120),
        "noisy labels": SimulatorSettings(noise=1.2, samples=200, epochs=160),
        "underfits": SimulatorSettings(learning_rate=0.002, samples=600, epochs=120),
        "right": SimulatorSettings(samples=2000, noise=0.2, regularisation=0.02, epochs=200),
        "regularised": SimulatorSettings(regularisation=0.5, samples=300, epochs=160),
    }
    for name, each in settings.items():
        for seed in (61, 97):
            pair = simulate(replace(each, seed=seed))
            assert pair.train is not None
            assert pair.val is not None
            yield _made(f"linear, {name}, {seed}", pair.train.values, pair.val.values,
                        pair.val.values)  # fmt: skip
    for rate, seed in ((1.0, 61), (1.0, 97), (1.0, 83)):
        pair = simulate(SimulatorSettings(learning_rate=rate, seed=seed, epochs=60))
        assert pair.train is not None
        assert pair.val is not None
        yield _made(f"linear, learning rate {rate:g}, {seed}", pair.train.values,
                    pair.val.values, pair.val.values, {"diverged"})  # fmt: skip


def _two_speeds(seed: int, epochs: int, slow: float) -> Fresh:
    """Least squares by gradient descent, half of the features small: they are learned late."""
    rng = np.random.default_rng(seed)
    samples, features = 70, 60
    scales = np.where(np.arange(features) < features // 2, 1.0, slow)
    teacher = rng.standard_normal(features) / scales / np.sqrt(features)

    def draw(count: int, noise: float) -> tuple[Values, Values]:
        inputs = rng.standard_normal((count, features)) * scales
        return inputs, inputs @ teacher + noise * rng.standard_normal(count)

    sets = [draw(samples, 0.9), draw(1000, 0.9), draw(20_000, 0.9)]
    inputs, labels = sets[0]
    weights, curves = np.zeros(features), []
    for _ in range(2 * epochs):
        curves.append([float(np.mean((x @ weights - y) ** 2)) for x, y in sets])
        for _ in range(8):
            weights -= 0.12 * inputs.T @ (inputs @ weights - labels) / samples
    train, val, test = np.array(curves).T
    return _made(f"two speeds, {slow:g}, {seed}", train, val, test)


def _late(seed: int, epochs: int) -> Fresh:
    """A linear student told right from wrong by a threshold: its accuracy comes late."""
    rng = np.random.default_rng(seed)
    features, samples = 60, 72
    teacher = rng.standard_normal(features) / np.sqrt(features)
    weights = 3.0 * rng.standard_normal(features) / np.sqrt(features)
    sets = [rng.standard_normal((count, features)) for count in (samples, 400, 4000)]
    curves = []
    for _ in range(2 * epochs):
        off = [each @ (weights - teacher) for each in sets]
        curves.append([float(np.mean(each**2 > 0.15)) for each in off])
        for _ in range(8):
            weights -= 0.15 * sets[0].T @ (sets[0] @ (weights - teacher)) / samples
    train, val, test = np.array(curves).T
    return _made(f"late generalisation, {seed}", train, val, test, negated=True)


@dataclass(frozen=True, slots=True)
class Network:
    """One hidden layer of ReLU, softmax, mini-batches of plain SGD.

    Attributes:
        width, samples, rate, epochs, decay: of the training.
        wrong: share of training and validation labels that are wrong.
        seed: of everything random.
    """

    width: int = 64
    samples: int = 200
    rate: float = 0.1
    epochs: int = 40
    wrong: float = 0.1
    decay: float = 0.0
    seed: int = 0

    def train(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """float64[2 epochs, 3] each: losses and errors of training, validation and clean test."""
        rng = np.random.default_rng([20_265, self.seed])
        classes, features = 5, 20
        centres = 0.8 * rng.standard_normal((classes, features))

        def draw(count: int, wrong: float) -> tuple[Values, NDArray[np.int64]]:
            labels = rng.integers(0, classes, count)
            inputs = centres[labels] + rng.standard_normal((count, features))
            spoiled = rng.random(count) < wrong
            return inputs, np.where(spoiled, rng.integers(0, classes, count), labels)

        sets = [draw(self.samples, self.wrong), draw(400, self.wrong), draw(4000, self.wrong)]
        first = rng.standard_normal((features, self.width)) * np.sqrt(2 / features)
        second = rng.standard_normal((self.width, classes)) * np.sqrt(1 / self.width)
        losses, errors = [], []
        inputs, labels = sets[0]
        with np.errstate(all="ignore"):
            for _ in range(2 * self.epochs):
                told = [_told(x, y, first, second) for x, y in sets]
                losses.append([loss for loss, _ in told])
                errors.append([error for _, error in told])
                for batch in np.array_split(rng.permutation(self.samples), self.samples // 20):
                    x, y = inputs[batch], labels[batch]
                    hidden = np.maximum(x @ first, 0)
                    slope = _softmax(hidden @ second)
                    slope[np.arange(len(y)), y] -= 1
                    slope /= len(y)
                    back = (slope @ second.T) * (hidden > 0)
                    second = second * (1 - self.rate * self.decay) - self.rate * hidden.T @ slope
                    first = first * (1 - self.rate * self.decay) - self.rate * x.T @ back
        return np.array(losses), np.array(errors)


def _softmax(scores: Values) -> Values:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _told(
    inputs: Values, labels: NDArray[np.int64], first: Values, second: Values
) -> tuple[float, float]:
    """(cross-entropy, share of wrong answers)."""
    shares = _softmax(np.maximum(inputs @ first, 0) @ second)
    right = shares[np.arange(len(labels)), labels]
    return float(
        -np.log(np.maximum(right, 1e-30)).mean() if np.isfinite(right).all() else np.nan
    ), (float(np.mean(shares.argmax(axis=1) != labels)))


def _networks() -> Iterator[Fresh]:
    shapes = {
        "overfits": Network(seed=1),
        "wide, wrong labels": Network(width=256, wrong=0.3, seed=2),
        "few samples": Network(samples=80, seed=3),
        "slow": Network(rate=0.002, samples=1000, epochs=20, seed=4),
        "many samples": Network(samples=3000, rate=0.02, epochs=20, seed=5),
        "decay": Network(samples=1000, decay=0.02, rate=0.05, epochs=40, seed=6),
    }
    for name, shape in shapes.items():
        losses, errors = shape.train()
        yield _made(f"network, {name}", *losses.T)
        yield _made(f"network, {name}, accuracies", *errors.T, negated=True)
    for rate, seed in ((30.0, 7), (300.0, 8)):
        losses, _ = Network(rate=rate, seed=seed, epochs=30).train()
        yield _made(f"network, learning rate {rate:g}", *losses.T, words={"diverged"})
    losses, _ = Network(rate=1e-7, seed=9, epochs=30).train()
    yield _made("network, learning rate 1e-07", *losses.T, words={"not-learning"})


def trainings() -> list[Fresh]:
    """All of them."""
    return [
        *_linear(),
        *(_two_speeds(seed, epochs, 0.1) for seed, epochs in ((11, 30), (12, 30), (11, 400))),
        *(_late(seed, 60) for seed in (21, 22)),
        *_networks(),
    ]
