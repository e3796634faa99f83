"""Walks a script statement by statement with what is known of each variable.

The script is walked several times. Each pass uses what the one before learned of parameters,
results, attributes and loops; when nothing changes any more, the last pass tells the rules what it
meets. Nothing is ever executed.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from core.lint import expressions, guards, operators, statements
from core.lint.collecting import (
    Collected,
    collect,
    given_by_framework,
    instance_of,
)
from core.lint.facts import ClassInfo, Def, Function, LoaderFacts, Loop, LoopFacts
from core.lint.frames import Frame, Seen
from core.lint.sources import Source
from core.lint.survey import Survey, dotted, survey
from core.lint.values import Kind, Value, either, element, many

MAX_PASSES = 7
"""What is still changing after so many passes is taken as it is."""


Watch = Callable[["Machine", str, Seen], None]


class Machine:
    """The walk over one script.

    Attributes:
        source: the script.
        survey: facts of a first look over it.
        collected: its functions and classes.
        loops, loaders: what was met, by syntax node.
        first_move: where the first module goes to the device: call, statement, function.
        wide: whether a linear layer is wide enough for its precision to matter.
    """

    def __init__(self, source: Source, watch: Watch) -> None:
        self.source = source
        self.survey: Survey = survey(source.tree)
        self.collected: Collected = collect(source.tree, self.survey.imports)
        self.loops: dict[Loop, LoopFacts] = {}
        self.loaders: dict[ast.Call, LoaderFacts] = {}
        self.first_move: tuple[ast.Call, ast.stmt | None, Function] | None = None
        self.wide = False
        self.frame = Frame(self.collected.module)
        self._watch = watch
        self._final = False

    def run(self) -> None:
        """Walk until nothing changes, then once more for the rules."""
        for _ in range(MAX_PASSES):
            self._pass()
            if not self._turn():
                break
        self._final = True
        self._pass()

    def tell(self, kind: str, seen: Seen) -> None:
        """Let the rules see something, in the last pass."""
        if self._final:
            self._watch(self, kind, seen)

    def _turn(self) -> bool:
        changed = [function.turn() for function in self.collected.functions.values()]
        for info in self.collected.classes.values():
            changed.append(info.attrs != info.next_attrs)
            info.attrs, info.next_attrs = info.next_attrs, {}
        return any(changed)

    def _pass(self) -> None:
        for function in self.collected.functions.values():
            self._walk_function(function)

    def _walk_function(self, function: Function) -> None:
        self.frame = frame = Frame(function)
        function.models, function.next_models = function.next_models, {}
        node = function.node
        if not isinstance(node, ast.Module):
            frame.grad = guards.grad_of_function(function)
            frame.env.update(self._parameters(function, node))
        self.block(node.body)
        for name, value in frame.env.items():
            function.next.finals.setdefault(name, value)

    def _parameters(self, function: Function, node: Def) -> dict[str, Value]:
        arguments = node.args
        names = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        env: dict[str, Value] = {}
        given = given_by_framework(function)
        for arg in names:
            known = function.params.get(arg.arg, given.get(arg.arg))
            said = expressions.annotated(self, arg.annotation)
            known = said if known is None or known.kind is Kind.UNKNOWN else known
            env[arg.arg] = known
        if function.owner is not None and names and not guards.is_static(node):
            env[names[0].arg] = instance_of(function.owner)
        return env

    def block(self, body: Sequence[ast.stmt]) -> None:
        """Statements in their order; what follows a guarded ``continue`` is guarded too."""
        before = self.frame.guarded[-1]
        for statement in body:
            self.frame.statement = statement
            statements.walk(self, statement)
            if isinstance(statement, ast.If) and guards.skips_rest(statement, self.frame):
                self.frame.guarded[-1] = True
        self.frame.guarded[-1] = before

    def evaluate(self, node: ast.expr) -> Value:
        """What an expression gives."""
        return expressions.evaluate(self, node)

    def test(self, node: ast.expr) -> None:
        """An expression whose truth is asked for."""
        if isinstance(node, ast.BoolOp):
            operators.test_in_turn(self, node)
        else:
            self.tell("test", self.seen(node, self.evaluate(node)))

    def seen(self, node: ast.expr | ast.stmt, value: Value) -> Seen:
        """A value at the present place, for the rules."""
        return Seen(node, self.frame, value)

    @contextmanager
    def guarding(self, guarded: bool) -> Iterator[None]:
        """What is walked inside runs only sometimes."""
        before = self.frame.guarded[-1]
        self.frame.guarded[-1] = before or guarded
        yield
        self.frame.guarded[-1] = before

    def assign(self, target: ast.expr, value: Value) -> None:
        """Bind a target: a name, an attribute, an item, or several at once."""
        if isinstance(target, (ast.Tuple, ast.List)):
            expressions.unpack(self, target.elts, value)
        elif isinstance(target, ast.Starred):
            self.assign(target.value, many(element(value)))
        elif isinstance(target, ast.Subscript):
            self._assign_item(target, value)
        elif isinstance(target, ast.Attribute):
            self._assign_attribute(target, value)
        elif isinstance(target, ast.Name):
            self.assign_name(target.id, value)

    def assign_name(self, name: str, value: Value) -> None:
        """Bind a name; what inner functions see of it is all that it ever holds."""
        value = self.survey.better(name, value)
        env = self.frame.env
        for text in [text for text in env if text.startswith(f"{name}.")]:
            del env[text]
        env[name] = value
        finals = self.frame.function.next.finals
        finals[name] = either(finals[name], value) if name in finals else value

    def _assign_attribute(self, target: ast.Attribute, value: Value) -> None:
        base = self.evaluate(target.value)
        if isinstance(base.ref, ClassInfo):
            base.ref.learn(target.attr, value)
        text = dotted(target)
        if text:
            self.frame.env[text] = value

    def _assign_item(self, target: ast.Subscript, value: Value) -> None:
        """An item of a container: the container may now hold that too."""
        self.evaluate(target.slice)
        base = self.evaluate(target.value)
        text = dotted(target.value)
        if text and base.kind in (Kind.MANY, Kind.SEQUENCE, Kind.UNKNOWN):
            held = many(either(element(base), value) if base.items else value)
            self.assign(target.value, held)

    def note_training(self) -> None:
        """``backward`` or an optimizer's step stands here."""
        frame = self.frame
        if frame.loops:
            frame.loops[-1].trains = True
            self.note_step_loop(frame.loops[:-1])
        else:
            frame.function.trains = True

    def note_step_loop(self, outer: Sequence[LoopFacts]) -> None:
        """A step loop stands inside these loops of the function."""
        self.frame.function.has_step_loop = True
        for loop in outer:
            loop.has_step_loop = True
