"""How runs are told apart on charts: by colour, and by symbol where colours run out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.charts.theme import LINE, RULE, TRAIN, VAL
from core.series import Stroke

_MORE_COLOURS = ("#882255", "#44AA99", "#999933", "#AA4499", "#332288", "#117733", "#CC6677")
"""Tol's "muted" scheme, for what the Okabe-Ito cycle leaves."""

PALETTE = (*LINE[:6], *_MORE_COLOURS)

SHAPES = {"": "", "circle": "●", "square": "■", "triangle-up": "▲", "diamond": "◆", "cross": "✚"}
"""Symbol on a line, as Vega-Lite calls it -> the same in text.
Not dashes: those tell the splits."""


def colours(names: Sequence[str]) -> dict[str, str]:
    """A colour for each run, the same on every chart; they repeat after 13 runs."""
    return {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(names)}


def shapes(names: Sequence[str]) -> dict[str, str]:
    """A symbol of :data:`SHAPES` for each run: another one whenever the colours begin again.

    Colour and symbol together tell 78 runs apart; of more, symbols would tell nothing.
    """
    kinds = list(SHAPES) if len(names) <= len(PALETTE) * len(SHAPES) else [""]
    return {name: kinds[i // len(PALETTE) % len(kinds)] for i, name in enumerate(names)}


def split_colour(split: str) -> str:
    """The colour of a split where there is only one run to draw."""
    return {"validation": VAL, "test": LINE[2]}.get(split, TRAIN)


class Paint:
    """What a line looks like, and what it is called beside the others."""

    def __init__(self, colour: Mapping[str, str] | None) -> None:
        self._colour = colour
        self._shape = shapes(list(colour or ()))

    def __call__(self, name: str, split: str) -> str:
        if self._colour is None:
            return split_colour(split)
        return self._colour.get(name, RULE)

    def shape(self, name: str) -> str:
        """The symbol on its line, "" for none."""
        return self._shape.get(name, "")

    def label(self, stroke: Stroke) -> str:
        """The line in a tooltip."""
        words = [stroke.split] if stroke.split else []
        if self._colour is not None:
            words = [SHAPES[self.shape(stroke.name)], stroke.name, *words]
        return " ".join(filter(None, words)) or stroke.tag
