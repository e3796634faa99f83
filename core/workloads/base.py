"""What a workload is: data, model, loss and metrics. Derive from :class:`Workload`.

The shortest workload of one's own::

    class Mine(Workload):
        name, title, description = "mine", "Mine", "My data, my model."

        def datasets(self, params):
            return train_set, val_set

        def model(self, params):
            return torch.nn.Linear(784, 10)

    workload = Mine()

and ``GPULSE_WORKLOADS=mypackage.mymodule:workload`` lets it run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import Dataset

from core.workloads.params import CommonParams

Report = Callable[[int, int, str], None]
"""Called with (done, total, phase) while a workload prepares its files."""

Loss = Callable[[Any, Tensor], Tensor]
"""(outputs, targets) -> scalar mean over the batch, on the device."""


class Workload(Protocol):
    """A thing that can be trained. ``datasets`` and ``model`` must be given, the rest may be.

    Datasets are map-style; each item is ``(inputs, target)``, where ``inputs`` is what the model
    is called with (a tensor, or a tuple, list or dict of tensors).

    Attributes:
        name: unique, short, safe in a file name.
        Params: its parameters: CommonParams or a model derived from it.
        collate_fn: handed to the DataLoader; None for PyTorch's own.
        classes: names of the classes, for captions; empty where there are none.
        augmentation: whether training samples are changed at random; None where nobody said.
    """

    name: str
    title: str
    description: str
    Params: ClassVar[type[CommonParams]] = CommonParams
    collate_fn: Callable[[list[Any]], Any] | None = None
    classes: tuple[str, ...] = ()
    augmentation: bool | None = None

    def prepare(self, params: Any, report: Report) -> None:
        """Make what ``datasets`` needs, once per machine; called before it in every job."""

    def datasets(self, params: Any) -> tuple[Dataset[Any], Dataset[Any]]:
        """The training and the validation data; the same for the same parameters."""
        ...

    def model(self, params: Any) -> nn.Module:
        """A fresh model on the CPU; random choices come from torch's seeded generator."""
        ...

    def loss(self, params: Any) -> Loss:
        """The training and validation loss: cross-entropy over the last dimension of outputs."""
        return cross_entropy

    def metrics(self, outputs: Any, targets: Tensor) -> Mapping[str, Tensor]:
        """Means over a batch as scalars on the device; ``Accuracy`` becomes ``Accuracy/val``."""
        return {"Accuracy": (outputs.argmax(-1) == targets).float().mean()}

    def images(self, inputs: Any) -> Tensor | None:
        """Inputs as pictures, (samples, 1 or 3, height, width) in 0…1; None where they are not."""
        if not isinstance(inputs, Tensor) or inputs.dim() != 4 or inputs.shape[1] not in (1, 3):
            return None
        flat = inputs.float().flatten(1)
        low, high = flat.amin(1), flat.amax(1)
        spread = (high - low).clamp_min(1e-12)
        return (inputs.float() - low[:, None, None, None]) / spread[:, None, None, None]

    def text(self, inputs: Any, outputs: Any, targets: Tensor) -> str | None:
        """One sample (no batch dimension) in words, Markdown; None where there are none."""
        return None


def cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy in nats; outputs (…, classes), targets (…) of class numbers."""
    return F.cross_entropy(outputs.reshape(-1, outputs.shape[-1]), targets.reshape(-1))


def seeded(seed: int) -> torch.Generator:
    """A generator of its own, so that data do not depend on what else draws numbers."""
    return torch.Generator().manual_seed(seed)
