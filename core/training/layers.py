"""What a training step did to single layers: gradient norms at both ends, update ratios."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn

_T = TypeVar("_T")

MAX_LAYERS = 12
"""Layers whose update ratio is logged, evenly spaced from the first to the last."""

SIGNAL = "@"
"""Begins the name of a value that is logged under the tag that follows, not as a metric."""


class Layers:
    """The layers of a model in the order of its definition: its weights of 2 or more dimensions.

    Biases and normalisation weights are left out: they start at 0 or 1, and no ratio of theirs
    is known to be healthy.

    Args:
        model: on its device already.
        parameters: those that are trained; :meth:`signals` gets values in this order.
    """

    def __init__(self, model: nn.Module, parameters: list[nn.Parameter]) -> None:
        place = {id(parameter): index for index, parameter in enumerate(parameters)}
        self._parameters = parameters
        self._layers = [
            (name.removesuffix(".weight"), place[id(parameter)])
            for name, parameter in model.named_parameters()
            if id(parameter) in place and parameter.dim() >= 2
        ]

    def signals(self, before: list[Tensor]) -> dict[str, Tensor]:
        """Scalars on the device, by name, after a step that began with the values ``before``."""
        found: dict[str, Tensor] = {}
        for end, index in (("first", 0), ("last", -1)) if self._layers else ():
            gradient = self._parameters[self._layers[index][1]].grad
            if gradient is not None:
                tag = f"{SIGNAL}Gradients/{end}_layer_norm"
                found[tag] = torch.linalg.vector_norm(gradient.detach().float())
        for name, place in spread(self._layers, MAX_LAYERS):
            old = before[place].float()
            change = torch.linalg.vector_norm(self._parameters[place].detach().float() - old)
            size = torch.linalg.vector_norm(old).clamp_min(1e-12)
            found[f"{SIGNAL}Updates/to_weight_ratio/{name}"] = change / size
        return found


def spread(items: list[_T], most: int) -> list[_T]:
    """Up to ``most`` of the items, evenly spaced, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]
