"""``lint``: the script doctor."""

from __future__ import annotations

import argparse
from pathlib import Path

from core import lint, traces
from core.cli.output import say
from core.cli.parser import DONE, FAILED, Answer, Verbs
from core.errors import BadInput, Unreadable
from core.lint import measured


def add(verbs: Verbs) -> None:
    """The words of this verb."""
    doctor = verbs.add_parser("lint", help="lines of training scripts that cost time or memory")
    doctor.add_argument("scripts", nargs="+", type=Path, metavar="SCRIPT", help="file or folder")
    doctor.add_argument(
        "--fail-on",
        default="",
        metavar="RULES",
        help="exit 1 where one of these rules (separated by commas, or any) has something to say",
    )
    doctor.add_argument(
        "--trace", type=Path, metavar="TRACE", help="a trace of the script: adds what it measured"
    )
    doctor.set_defaults(run=_lint)


def _lint(args: argparse.Namespace) -> Answer:
    gate = _gate(args.fail_on)
    records = [record for path in args.scripts for record in _of_path(path)]
    if args.trace is not None:
        records = measured.joined(traces.open_diagnosis(args.trace).findings, records)
    missed = [record for record in records if record.rule in gate]
    for record in missed:
        say(f"gate missed: {record.file}:{record.line}: {record.rule}")
    return [record.to_json() for record in records], FAILED if missed else DONE


def _gate(text: str) -> set[str]:
    """Rules that fail the call."""
    names = {name.strip() for name in text.split(",") if name.strip()}
    if names == {"any"}:
        return set(lint.RULES)
    unknown = sorted(names - set(lint.RULES))
    if unknown:
        raise BadInput(f"There is no rule {unknown[0]!r}. Choose from: {', '.join(lint.RULES)}.")
    return names


def _of_path(path: Path) -> list[lint.Record]:
    """Records of a file; of a folder those of all its scripts, what cannot be read is said."""
    if not path.is_dir():
        return lint.lint_file(path)
    records = []
    for script in lint.scripts_below(path):
        try:
            records += lint.lint_file(script)
        except Unreadable as error:
            say(f"warning: {error}")
    return records
