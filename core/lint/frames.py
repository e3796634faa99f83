"""Where the walk over a script is, and what it shows to the rules."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.lint.facts import Function, LoopFacts, Place
from core.lint.values import Value


@dataclass(slots=True)
class Frame:
    """Where the walk is.

    Attributes:
        function: whose body it is in.
        env: what is known of each name, and of dotted texts such as ``self.model``.
        loops: the loops around, the innermost last.
        guarded: whether a condition that is not true in every round stands around: for the
            function itself, and for the body of each loop.
        grad: whether graphs are made here; None unknown.
        statement: the statement that is being walked.
        printing: inside the arguments of a ``print``.
    """

    function: Function
    env: dict[str, Value] = field(default_factory=dict)
    loops: list[LoopFacts] = field(default_factory=list)
    guarded: list[bool] = field(default_factory=lambda: [False])
    grad: bool | None = True
    statement: ast.stmt | None = None
    printing: bool = False

    @property
    def place(self) -> Place:
        """How often what stands here runs."""
        for loop, guarded in zip(reversed(self.loops), reversed(self.guarded), strict=False):
            if guarded:
                return Place.SOMETIMES
            if loop.place >= Place.EVALUATION:
                return loop.place
        return Place.SOMETIMES if self.guarded[0] else self.function.place

    @property
    def step_loop(self) -> LoopFacts | None:
        """The step loop around, in the same function."""
        found = (loop for loop in reversed(self.loops) if loop.place >= Place.EVALUATION)
        return next(found, None)


@dataclass(slots=True)
class Seen:
    """Something that the rules may have an opinion on.

    Attributes:
        node: the expression.
        frame: where it stands.
        value: the object of a method, the tested, printed or added value.
        name: the method's name, or the full dotted name of what is called.
        args, keywords: values of a call's arguments.
    """

    node: ast.expr | ast.stmt
    frame: Frame
    value: Value
    name: str = ""
    args: Sequence[Value] = ()
    keywords: dict[str, Value] = field(default_factory=dict)
