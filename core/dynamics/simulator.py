"""Learning curves computed from theory, to move the causes of over- and underfitting by hand.

A linear student learns from a linear teacher by full-batch gradient descent; for Gaussian inputs
its training error and its expected error on new samples are known in closed form at every step
(Advani, Saxe & Sompolinsky, "High-dimensional dynamics of generalization error in neural
networks", Neural Networks 132, 2020, arXiv:1710.03667, section 2, whose gradient flow is the limit
of a small learning rate). A step of size e multiplies the error along each eigenvector of the
input covariance by 1 - e (l + g): above e = 2 / (l_max + g) it grows instead of shrinking (LeCun,
Bottou, Orr & Müller, "Efficient BackProp", 1998, section 5.1). No curve is drawn by hand: zones
and verdict come from the same detector as for real runs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.dynamics.records import Curve, LossPair
from core.errors import BadInput

FEATURES = 300
"""Features that the teacher uses; a student of smaller capacity sees only the first of them."""

STEPS_PER_EPOCH = 5
"""Steps of full-batch gradient descent between two looks at the losses."""

LARGEST = float(np.finfo(np.float32).max)
"""A loss beyond what a float32 can hold is infinite, as it would be in a real training."""

_DECAY = 0.01
"""The teacher's squared weights fall as exp(-_DECAY i): first features matter most."""

BOUNDS: dict[str, tuple[float, float]] = {
    "capacity": (1, FEATURES),
    "samples": (20, 2000),
    "noise": (0.0, 2.0),
    "regularisation": (0.0, 2.0),
    "learning_rate": (0.001, 1.0),
    "epochs": (10, 500),
    "seed": (0, 99),
}

LEARNING_RATES: tuple[float, ...] = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Those to choose from."""


@dataclass(frozen=True, slots=True)
class SimulatorSettings:
    """What can be moved. The defaults overfit visibly.

    Attributes:
        capacity: number of features the student has, 1 to 300.
        samples: number of training samples, 20 to 2000.
        noise: standard deviation of the label noise; the clean signal has standard deviation 1.
        regularisation: weight decay, in units of the input variance, 0 to 2.
        learning_rate: step size, in units of the inverse input variance, 0.001 to 1.
        epochs: length of the training, 10 to 500.
        seed: which random training set is drawn, 0 to 99.
    """

    capacity: int = 150
    samples: int = 150
    noise: float = 0.5
    regularisation: float = 0.0
    epochs: int = 60
    seed: int = 0
    learning_rate: float = 0.02


PRESETS: dict[str, SimulatorSettings] = {
    "overfits": SimulatorSettings(),
    "underfits": SimulatorSettings(capacity=5, samples=500),
    "diverges": SimulatorSettings(learning_rate=1.0),
    "right": SimulatorSettings(samples=2000, noise=0.2, regularisation=0.02),
    "noisy": SimulatorSettings(noise=1.5, samples=300),
}
"""Settings that show one thing each."""


def simulate(settings: SimulatorSettings) -> LossPair:
    """Training and validation loss (mean squared error) of one simulated training.

    With C = X'X/P = V diag(l) V', b = V'X'y/P, weight decay g and start at zero, t steps of size
    e give w_i(t) = b_i (1 - (1 - e (l_i + g))^t) / (l_i + g) in the basis V, hence

        train(t) = y'y/P - 2 b.w + sum l_i w_i^2,
        val(t)   = noise^2 + |w_unseen|^2 + |w - V'w_teacher|^2   (expectation over new inputs).

    Features that the student does not see act as additional label noise, exactly so for
    independent Gaussian inputs. Epoch 0 is the untrained model. Takes under 100 ms.

    Raises:
        BadInput: a setting outside its bounds.
    """
    _validate(settings)
    rng = np.random.default_rng(settings.seed)
    teacher = _teacher(rng)
    seen, unseen = teacher[: settings.capacity], teacher[settings.capacity :]
    irreducible = settings.noise**2 + float(unseen @ unseen)
    inputs = rng.standard_normal((settings.samples, settings.capacity))
    noise = rng.standard_normal(settings.samples) * np.sqrt(irreducible)
    labels = inputs @ seen + noise
    eigenvalues, basis = np.linalg.eigh(inputs.T @ inputs / settings.samples)
    target = basis.T @ (inputs.T @ labels) / settings.samples
    epochs = np.arange(settings.epochs + 1, dtype=np.int64)
    with np.errstate(over="ignore", invalid="ignore"):
        weights = _descend(eigenvalues, target, settings)
        train = labels @ labels / settings.samples + (
            (weights * eigenvalues - 2 * target) * weights
        ).sum(axis=1)
        distance = weights - basis.T @ seen
        val = irreducible + np.einsum("ei,ei->e", distance, distance)
    return LossPair(
        run="simulation",
        train_tag="Loss/train",
        val_tag="Loss/val",
        train=Curve(epochs, _logged(np.maximum(train, 0.0))),
        val=Curve(epochs, _logged(val)),
    )


def _descend(
    eigenvalues: NDArray[np.float64], target: NDArray[np.float64], settings: SimulatorSettings
) -> NDArray[np.float64]:
    """float64[epochs + 1, features]: weights in the eigenbasis after each epoch."""
    rate = np.maximum(eigenvalues, 0.0) + settings.regularisation
    kept = 1 - settings.learning_rate * rate  # share of the error that one step leaves
    steps = STEPS_PER_EPOCH * np.arange(settings.epochs + 1)[:, None]
    learned = 1 - np.power(kept, steps)
    # A direction without data has rate 0 and target 0: it never moves.
    return learned * np.divide(target, rate, out=np.zeros_like(target), where=rate > 1e-12)


def _logged(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Losses as a training in float32 would log them: infinite once, then not a number."""
    lost = ~(losses <= LARGEST)
    after = np.cumsum(lost)
    return np.where(after > 1, np.nan, np.where(lost, np.inf, losses))


def _teacher(rng: np.random.Generator) -> NDArray[np.float64]:
    """Weights of unit norm, the first features the strongest."""
    signs = rng.choice((-1.0, 1.0), FEATURES)
    weights = signs * np.exp(-0.5 * _DECAY * np.arange(FEATURES))
    return weights / np.linalg.norm(weights)


def _validate(settings: SimulatorSettings) -> None:
    for name, (low, high) in BOUNDS.items():
        value = getattr(settings, name)
        if not low <= value <= high:
            raise BadInput(f"{name} must be between {low:g} and {high:g}, got {value:g}.")
