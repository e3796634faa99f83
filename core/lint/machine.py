"""Walks a script statement by statement with what is known of each variable.

The script is walked several times. Each pass uses what the one before learned of parameters,
results, attributes and loops; when nothing changes any more, the last pass tells the rules what it
meets. Nothing is ever executed.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from core.lint import expressions, guards
from core.lint.collecting import (
    Collected,
    assigned_names,
    collect,
    given_by_framework,
    instance_of,
)
from core.lint.facts import ClassInfo, Def, Function, LoaderFacts, Loop, LoopFacts
from core.lint.frames import Frame, Seen
from core.lint.sources import Source
from core.lint.survey import Survey, dotted, survey
from core.lint.values import HOST, UNKNOWN, Kind, Value, either, element, many

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

    # Statements

    def block(self, statements: Sequence[ast.stmt]) -> None:
        """Statements in their order; what follows a guarded ``continue`` is guarded too."""
        before = self.frame.guarded[-1]
        for statement in statements:
            self.frame.statement = statement
            self._statement(statement)
            if isinstance(statement, ast.If) and guards.skips_rest(statement, self.frame):
                self.frame.guarded[-1] = True
        self.frame.guarded[-1] = before

    def _statement(self, node: ast.stmt) -> None:
        handler = getattr(self, f"_on_{type(node).__name__.lower()}", None)
        if handler is not None:
            handler(node)
            return
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.evaluate(child)

    def evaluate(self, node: ast.expr) -> Value:
        """What an expression gives."""
        return expressions.evaluate(self, node)

    def _on_functiondef(self, node: Def) -> None:
        function = self.collected.functions[node]
        self.assign_name(node.name, Value(Kind.FUNCTION, ref=function))
        values = [*node.args.defaults, *node.args.kw_defaults]
        for default in values:
            if default is not None:
                self.evaluate(default)

    _on_asyncfunctiondef = _on_functiondef

    def _on_classdef(self, node: ast.ClassDef) -> None:
        info = self.collected.classes[node]
        self.assign_name(node.name, Value(Kind.CLASS, ref=info))
        outer = self.frame.env
        self.frame.env = dict(outer)
        self.block([part for part in node.body if not isinstance(part, Def)])
        self.frame.env = outer

    def _on_import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            self.frame.env.pop(alias.asname or alias.name.split(".")[0], None)

    _on_importfrom = _on_import

    def _on_expr(self, node: ast.Expr) -> None:
        self.evaluate(node.value)

    def _on_assign(self, node: ast.Assign) -> None:
        value = self.evaluate(node.value)
        for target in node.targets:
            self.assign(target, value)

    def _on_annassign(self, node: ast.AnnAssign) -> None:
        said = expressions.annotated(self, node.annotation)
        if node.value is not None:
            value = self.evaluate(node.value)
            self.assign(node.target, said if value.kind is Kind.UNKNOWN else value)

    def _on_augassign(self, node: ast.AugAssign) -> None:
        before = expressions.read_target(self, node.target)
        value = self.evaluate(node.value)
        if isinstance(node.op, ast.Add):
            self.tell("add", self.seen(node, value))
        self.assign(node.target, expressions.combined(before, value))

    def _on_return(self, node: ast.Return) -> None:
        value = self.evaluate(node.value) if node.value is not None else HOST
        learned = self.frame.function.next
        known = learned.returns
        learned.returns = value if known is None else either(known, value)

    def _on_raise(self, node: ast.Raise) -> None:
        with self.guarding(True):
            for part in (node.exc, node.cause):
                if part is not None:
                    self.evaluate(part)

    def _on_assert(self, node: ast.Assert) -> None:
        self.test(node.test)
        if node.msg is not None:
            with self.guarding(True):
                self.evaluate(node.msg)

    def test(self, node: ast.expr) -> None:
        """An expression whose truth is asked for."""
        if isinstance(node, ast.BoolOp):
            expressions.test_in_turn(self, node)
        else:
            self.tell("test", self.seen(node, self.evaluate(node)))

    def seen(self, node: ast.expr | ast.stmt, value: Value) -> Seen:
        """A value at the present place, for the rules."""
        return Seen(node, self.frame, value)

    def _on_if(self, node: ast.If) -> None:
        ends: list[dict[str, Value]] = []
        branch: ast.If | None = node
        outer = self.frame.guarded[-1]
        while branch is not None:
            self.test(branch.test)
            kind = guards.classify(branch.test, self.frame)
            start = self.frame.env
            ends.append(self._branch(branch.body, kind is not guards.Guard.CONFIGURED))
            self.frame.env = dict(start)
            if kind is guards.Guard.OPEN:
                self.frame.guarded[-1] = True
            rest = branch.orelse
            branch = rest[0] if len(rest) == 1 and isinstance(rest[0], ast.If) else None
            if branch is None:
                self.block(rest)
        self.frame.guarded[-1] = outer
        self._merge([*ends, self.frame.env])

    def _branch(self, body: Sequence[ast.stmt], guarded: bool) -> dict[str, Value]:
        """Walk a branch from the present variables; where it ends up."""
        self.frame.env = dict(self.frame.env)
        with self.guarding(guarded):
            self.block(body)
        return {} if guards.leaves(body) else self.frame.env

    def _merge(self, ends: Sequence[dict[str, Value]]) -> None:
        merged: dict[str, Value] = {}
        for env in ends:
            for name, value in env.items():
                known = merged.get(name)
                merged[name] = value if known is None else either(known, value)
        self.frame.env = merged

    @contextmanager
    def guarding(self, guarded: bool) -> Iterator[None]:
        """What is walked inside runs only sometimes."""
        before = self.frame.guarded[-1]
        self.frame.guarded[-1] = before or guarded
        yield
        self.frame.guarded[-1] = before

    def _on_for(self, node: ast.For | ast.AsyncFor) -> None:
        loop = self._loop(node)
        iterated = self.evaluate(node.iter)
        given = expressions.iterated(self, loop, node.iter, iterated)
        self._body(loop, lambda: self.assign(node.target, given))

    _on_asyncfor = _on_for

    def _on_while(self, node: ast.While) -> None:
        self._body(self._loop(node), lambda: self.test(node.test))

    def _loop(self, node: Loop) -> LoopFacts:
        if node not in self.loops:
            outer = self.frame.loops[-1] if self.frame.loops else None
            names = assigned_names(node)
            self.loops[node] = LoopFacts(node, self.frame.function, outer, names)
        loop = self.loops[node]
        loop.grad_off = self.frame.grad is False
        loop.models, loop.next_models = loop.next_models, {}
        return loop

    def _body(self, loop: LoopFacts, head: Callable[[], None]) -> None:
        before = dict(self.frame.env)
        if loop.back is not None:
            self._merge([self.frame.env, loop.back])
        self.frame.loops.append(loop)
        self.frame.guarded.append(False)
        start = dict(self.frame.env)
        head()
        self.block(loop.node.body)
        self.frame.loops.pop()
        self.frame.guarded.pop()
        end = self.frame.env
        loop.back = {name: value for name, value in end.items() if start.get(name) is not value}
        self._merge([before, self.frame.env])
        self.block(loop.node.orelse)

    def _on_with(self, node: ast.With | ast.AsyncWith) -> None:
        before = self.frame.grad
        for item in node.items:
            value = self.evaluate(item.context_expr)
            grad = guards.grad_of_context(item.context_expr, self.survey.imports)
            if grad is not guards.UNCHANGED:
                self.frame.grad = grad
            if item.optional_vars is not None:
                self.assign(item.optional_vars, value)
        self.block(node.body)
        self.frame.grad = before

    _on_asyncwith = _on_with

    def _on_try(self, node: ast.Try) -> None:
        self.block(node.body)
        self.block(node.orelse)
        ends = [dict(self.frame.env)]
        for handler in node.handlers:
            ends.append(self._branch(handler.body, True))
            self.frame.env = dict(ends[0])
        self._merge(ends)
        self.block(node.finalbody)

    _on_trystar = _on_try

    def _on_match(self, node: ast.Match) -> None:
        self.evaluate(node.subject)
        start = dict(self.frame.env)
        ends = [start]
        for case in node.cases:
            self.frame.env = dict(start)
            for name in guards.captured(case.pattern):
                self.assign_name(name, UNKNOWN)
            ends.append(self._branch(case.body, True))
        self._merge(ends)

    def _on_delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self.frame.env.pop(dotted(target), None)

    # Variables

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
