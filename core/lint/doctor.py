"""From a script to its records."""

from __future__ import annotations

from pathlib import Path

from core.errors import Unreadable
from core.lint import patches, sources
from core.lint.catalogue import RULES
from core.lint.facts import Place
from core.lint.frames import Seen
from core.lint.machine import Machine
from core.lint.records import Record
from core.lint.rules import CONCLUSIONS, WATCHES, Draft
from core.lint.sources import Source


def lint_file(path: Path, name: str | None = None) -> list[Record]:
    """Records of a script on disk, by line.

    Args:
        path: the script.
        name: what records call it, where not by its path.

    Raises:
        NotFound: there is no such file.
        Unreadable: it is not a Python script of a sane size.
    """
    return lint_source(sources.read_file(path, name))


def lint_bytes(content: bytes, name: str) -> list[Record]:
    """Records of a script that was uploaded.

    Raises:
        Unreadable: it is not a Python script of a sane size.
    """
    return lint_source(sources.read_bytes(content, name))


def lint_text(text: str, name: str = "script.py") -> list[Record]:
    """Records of a script's text.

    Raises:
        Unreadable: it is not Python 3.
    """
    return lint_source(sources.read_text(text, name))


def lint_source(source: Source) -> list[Record]:
    """Records of a script that was read.

    Raises:
        Unreadable: it nests too deeply to be followed.
    """
    drafts: dict[tuple[int, str], Draft] = {}

    def watch(machine: Machine, kind: str, seen: Seen) -> None:
        for rule in WATCHES:
            for draft in rule(machine, kind, seen):
                drafts.setdefault((draft.line, draft.rule), draft)

    try:
        machine = Machine(source, watch)
        if not machine.survey.is_torch:
            return []
        machine.run()
        for conclude in CONCLUSIONS:
            for draft in conclude(machine):
                drafts.setdefault((draft.line, draft.rule), draft)
        return [_record(source, drafts[key]) for key in sorted(drafts)]
    except RecursionError:
        raise Unreadable(f"{source.name} nests too deeply to be followed.") from None


def _record(source: Source, draft: Draft) -> Record:
    rule = RULES[draft.rule]
    evaluation = draft.place is Place.EVALUATION and rule.cost == "every step"
    return Record(
        file=source.name,
        line=draft.line,
        column=patches.column_of(source, draft.line, draft.offset),
        rule=rule.key,
        message=f"{rule.title}: {draft.what}",
        why=rule.why,
        cost="every evaluation step" if evaluation else rule.cost,
        fix=rule.fix,
        diff=patches.diff(source, draft.edits),
        function=(draft.function.name, draft.function.first_line, draft.function.last_line),
    )
