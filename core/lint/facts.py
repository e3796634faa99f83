"""What is learned of the functions, classes, loops and DataLoaders of a script."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from enum import IntEnum

from core.lint.values import Value, either

Loop = ast.For | ast.AsyncFor | ast.While
Def = ast.FunctionDef | ast.AsyncFunctionDef


class Place(IntEnum):
    """How often a statement runs; the highest counts where several are true."""

    ELSEWHERE = 0
    SOMETIMES = 1
    """In a step loop, but behind a condition that is not true in every step."""
    EVALUATION = 2
    STEP = 3


@dataclass(slots=True, eq=False, repr=False)
class Function:
    """A function of the script.

    Attributes:
        node: its definition; the module itself for code outside of functions.
        owner: the class it is a method of.
        parent: the function (or module) around it.
        fixed: where a framework calls it from, ELSEWHERE where the script itself tells.
        params: name -> what calls give, of the last pass.
        returns: what it returns, of the last pass.
        trains: runs ``backward`` or an optimizer's step outside of its own loops.
        has_step_loop: one of its loops, or of what it calls, is a step loop.
        models: text of the modules it calls outside of its loops -> whether with a graph.
        place: where it is called from.
        repeated: called from inside a loop.
        grad_off: all known calls stand under ``no_grad``.
        callers: functions that call it.
        called: whether a call of it is known.
        finals: name -> what is assigned to it anywhere in it; inner functions see this.
    """

    node: Def | ast.Module
    owner: ClassInfo | None = None
    parent: Function | None = None
    fixed: Place = Place.ELSEWHERE
    params: dict[str, Value] = field(default_factory=dict)
    returns: Value | None = None
    trains: bool = False
    has_step_loop: bool = False
    models: dict[str, bool] = field(default_factory=dict)
    next_models: dict[str, bool] = field(default_factory=dict)
    place: Place = Place.ELSEWHERE
    repeated: bool = False
    grad_off: bool = False
    callers: set[Function] = field(default_factory=set)
    called: bool = False
    finals: dict[str, Value] = field(default_factory=dict)
    next: NextCalls = field(default_factory=lambda: NextCalls())

    @property
    def name(self) -> str:
        """``train``, or ``<module>``."""
        return "<module>" if isinstance(self.node, ast.Module) else self.node.name

    @property
    def first_line(self) -> int:
        """Line that a profiler gives for it: that of its first decorator or ``def``."""
        if isinstance(self.node, ast.Module):
            return 1
        return min([self.node.lineno, *(d.lineno for d in self.node.decorator_list)])

    @property
    def last_line(self) -> int:
        """Line of its last statement."""
        return max((node.end_lineno or node.lineno for node in self.node.body), default=1)

    def turn(self) -> bool:
        """Take over what the pass that ended has learned; whether anything changed."""
        new = self.next
        before = (self.params, self.returns, self.place, self.repeated, self.grad_off, self.finals)
        self.params, self.returns, self.finals = new.params, new.returns, new.finals
        self.place, self.repeated = max(new.place, self.fixed), new.repeated
        self.callers = new.callers
        self.grad_off = bool(new.grad) and True not in new.grad
        self.called = bool(new.grad)
        self.next = NextCalls()
        after = (self.params, self.returns, self.place, self.repeated, self.grad_off, self.finals)
        return before != after


@dataclass(slots=True)
class NextCalls:
    """What the pass that is running learns of a function."""

    params: dict[str, Value] = field(default_factory=dict)
    returns: Value | None = None
    finals: dict[str, Value] = field(default_factory=dict)
    place: Place = Place.ELSEWHERE
    repeated: bool = False
    callers: set[Function] = field(default_factory=set)
    grad: set[bool] = field(default_factory=set)


@dataclass(slots=True, eq=False, repr=False)
class ClassInfo:
    """A class of the script.

    Attributes:
        parents: ancestors that the script defines.
        bases: full dotted names of its bases that come from elsewhere, of all ancestors.
        methods: its own and inherited ones that the script defines.
        attrs: what is assigned to ``self.name``.
    """

    node: ast.ClassDef
    bases: set[str] = field(default_factory=set)
    parents: set[ClassInfo] = field(default_factory=set)
    methods: dict[str, Function] = field(default_factory=dict)
    attrs: dict[str, Value] = field(default_factory=dict)
    next_attrs: dict[str, Value] = field(default_factory=dict)

    def learn(self, name: str, value: Value) -> None:
        """An assignment to an attribute."""
        known = self.next_attrs.get(name)
        self.next_attrs[name] = value if known is None else either(known, value)

    @property
    def is_module(self) -> bool:
        """Derives from ``torch.nn.Module``, as far as names tell."""
        return any(
            name.startswith("torch.nn.") or name.rpartition(".")[2] in _MODULES
            for name in self.bases
        )

    @property
    def is_lightning(self) -> bool:
        """Its steps are called by Lightning's Trainer."""
        return any(name.rpartition(".")[2] == "LightningModule" for name in self.bases)

    @property
    def is_dataset(self) -> bool:
        """Derives from a PyTorch dataset."""
        return any(name.rpartition(".")[2].endswith("Dataset") for name in self.bases)


_MODULES = frozenset({
    "Module", "Sequential", "LightningModule", "PreTrainedModel", "MessagePassing", "ModelMixin",
})  # fmt: skip


@dataclass(slots=True, eq=False, repr=False)
class LoopFacts:
    """A loop of the script.

    Attributes:
        node: its syntax.
        function: where it stands.
        outer: the loop around it in the same function.
        grad_off: it stands under ``no_grad``.
        trains: runs ``backward`` or an optimizer's step outside of inner loops.
        over_loader: what it iterates, where that is a DataLoader.
        models: text of the modules that are called in it -> whether any call keeps a graph.
        unclear: calls something unknown that may train.
        has_step_loop: a step loop stands inside, here or in what it calls.
        assigned: names that its body assigns, its targets among them.
        back: variables at the end of its body, of the last pass.
    """

    node: Loop
    function: Function
    outer: LoopFacts | None
    assigned: frozenset[str]
    trains: bool = False
    over_loader: Value | None = None
    models: dict[str, bool] = field(default_factory=dict)
    next_models: dict[str, bool] = field(default_factory=dict)
    unclear: bool = False
    has_step_loop: bool = False
    grad_off: bool = False
    back: dict[str, Value] | None = None

    @property
    def place(self) -> Place:
        """What a statement directly in it is."""
        if self.trains or (self.over_loader is not None and self.unclear):
            return Place.STEP
        if self.over_loader is None:
            return Place.EVALUATION if self._evaluates_by_count else Place.ELSEWHERE
        # Around a step loop it is an epoch over parts of the data, without one it only evaluates.
        return Place.ELSEWHERE if self.has_step_loop else Place.EVALUATION

    @property
    def _evaluates_by_count(self) -> bool:
        """``for k in range(batches)`` that runs a model without graphs, in a function for it."""
        counted = isinstance(self.node, ast.For) and isinstance(self.node.iter, ast.Call)
        meant = _EVALUATES.search(self.function.name) is not None
        return counted and meant and self.grad_off and bool(self.models)


_EVALUATES = re.compile(r"val|test|loss", re.IGNORECASE)


@dataclass(slots=True, eq=False, repr=False)
class LoaderFacts:
    """A ``DataLoader(...)`` of the script.

    Attributes:
        call: its construction.
        function: where it stands.
        options: keyword -> its syntax; positions are given their names.
        open_ended: ``**options`` that are not known.
        spread: the dictionary of ``**options`` that is known.
        dataset: its first argument.
        pinned: ``pin_memory`` is on, for all that can be told.
        repeated: it is iterated in a loop that it is not made in.
        moved: its batches go to the device.
        loop: the loop it is made in.
        iterated: loops over it.
        single: made for ``iter(...)`` on the spot, outside of loops.
    """

    call: ast.Call
    function: Function
    loop: LoopFacts | None
    statement: ast.stmt
    options: dict[str, ast.expr] = field(default_factory=dict)
    open_ended: bool = False
    spread: ast.Dict | None = None
    dataset: Value | None = None
    pinned: bool = False
    repeated: bool = False
    moved: bool = False
    single: bool = False
    iterated: set[LoopFacts] = field(default_factory=set)

    @property
    def is_read_once(self) -> bool:
        """It is seen to be read, by evaluation alone and but once: starting workers costs more."""
        if self.single:
            return True
        once = bool(self.iterated) and not self.repeated
        return once and all(loop.place is Place.EVALUATION for loop in self.iterated)
