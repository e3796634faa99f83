"""Learning curves computed from theory, to move the causes of over- and underfitting by hand.

A linear student learns from a linear teacher by full-batch gradient flow; for Gaussian inputs
its training error and its expected error on new samples are known in closed form at every time
(Advani, Saxe & Sompolinsky, "High-dimensional dynamics of generalization error in neural
networks", Neural Networks 132, 2020, arXiv:1710.03667, section 2). No curve is drawn by hand:
zones and verdict come from the same detector as for real runs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.dynamics.records import Curve, LossPair
from core.errors import BadInput

FEATURES = 300
"""Features that the teacher uses; a student of smaller capacity sees only the first of them."""

TIME_PER_EPOCH = 0.1
"""Learning rate times batches per epoch, in units of the inverse input variance."""

_DECAY = 0.01
"""The teacher's squared weights fall as exp(-_DECAY i): first features matter most."""

BOUNDS: dict[str, tuple[float, float]] = {
    "capacity": (1, FEATURES),
    "samples": (20, 2000),
    "noise": (0.0, 2.0),
    "regularisation": (0.0, 2.0),
    "epochs": (10, 500),
}


@dataclass(frozen=True, slots=True)
class SimulatorSettings:
    """What can be moved. The defaults overfit visibly.

    Attributes:
        capacity: number of features the student has, 1 to 300.
        samples: number of training samples, 20 to 2000.
        noise: standard deviation of the label noise; the clean signal has standard deviation 1.
        regularisation: weight decay, in units of the input variance, 0 to 2.
        epochs: length of the training, 10 to 500.
        seed: which random training set is drawn.
    """

    capacity: int = 150
    samples: int = 150
    noise: float = 0.5
    regularisation: float = 0.0
    epochs: int = 60
    seed: int = 0


def simulate(settings: SimulatorSettings) -> LossPair:
    """Training and validation loss (mean squared error) of one simulated training.

    With C = X'X/P = V diag(l) V', b = V'X'y/P, weight decay g and start at zero, gradient flow
    gives w_i(t) = b_i (1 - exp(-(l_i + g) t)) / (l_i + g) in the basis V, hence

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
    weights = _flow(eigenvalues, target, settings.regularisation, epochs)
    train = labels @ labels / settings.samples - 2 * weights @ target + weights**2 @ eigenvalues
    distance = weights - basis.T @ seen
    val = irreducible + np.einsum("ei,ei->e", distance, distance)
    return LossPair(
        run="simulation",
        train_tag="Loss/train",
        val_tag="Loss/val",
        train=Curve(epochs, np.maximum(train, 0.0)),
        val=Curve(epochs, val),
    )


def _flow(
    eigenvalues: NDArray[np.float64],
    target: NDArray[np.float64],
    decay: float,
    epochs: NDArray[np.int64],
) -> NDArray[np.float64]:
    """float64[epochs, features]: weights in the eigenbasis after each epoch."""
    rate = np.maximum(eigenvalues, 0.0) + decay
    learned = -np.expm1(-TIME_PER_EPOCH * np.outer(epochs, rate))
    # A direction without data has rate 0 and target 0: it never moves.
    return learned * np.divide(target, rate, out=np.zeros_like(target), where=rate > 1e-12)


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
