"""``report``: everything about a run in one HTML file."""

from __future__ import annotations

import argparse
from pathlib import Path

from core import compare, report, runs
from core.cli.output import say
from core.cli.parser import DONE, Answer, Verbs, add_place
from core.errors import BadInput, GpulseError, NotFound
from core.runs import Run
from core.settings import settings


def add(verbs: Verbs) -> None:
    """The words of this verb."""
    verb = verbs.add_parser("report", help="everything about a run in one HTML file")
    add_place(verb)
    verb.add_argument("--html", type=Path, required=True, metavar="FILE", help="what to write")
    verb.set_defaults(run=_report)


def _report(args: argparse.Namespace) -> Answer:
    run = _run_at(args.path)
    made = report.run_report(run, (run.path.parent, *settings().all_roots))
    for problem in made.problems:
        say(f"warning: {args.named(problem)}")
    content = made.html.encode()
    try:
        args.html.write_bytes(content)
    except OSError as error:
        raise BadInput(f"The report cannot be written: {error.strerror or error}.") from None
    say(f"report: {args.html}")
    return {
        "run": run.key or run.path.name,
        "file": str(args.html),
        "bytes": len(content),
        "sections": list(made.sections),
        "problems": [args.named(problem) for problem in made.problems],
    }, DONE


def _run_at(path: Path) -> Run:
    """The run at a path, or the job of that id."""
    if path.exists():
        return compare.run_at(path)
    try:
        return runs.find(str(path), settings().all_roots)
    except GpulseError:
        raise NotFound(
            f"There is no {path}. Give the folder of a run, or the id of a job."
        ) from None
