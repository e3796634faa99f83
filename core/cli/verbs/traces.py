"""``diagnose`` and ``compare``: where the time of a step goes and why, and what a change did."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from core import compare, report, traces
from core.cli.output import say
from core.cli.parser import DONE, FAILED, Answer, Verbs, add_place
from core.errors import BadInput, NotFound
from core.traces import ranks


def add(verbs: Verbs) -> None:
    """The words of these verbs."""
    diagnose = verbs.add_parser("diagnose", help="where the time of a step goes, and why")
    add_place(diagnose)
    diagnose.add_argument("--html", type=Path, metavar="FILE", help="write a report, one file")
    diagnose.add_argument(
        "--fail-under-utilisation",
        type=_percentage,
        metavar="PCT",
        help="exit 1 where the device of any trace is busy for less of the window",
    )
    diagnose.set_defaults(run=_diagnose)

    versus = verbs.add_parser("compare", help="what changed from one trace or run to another")
    add_place(versus)
    add_place(versus, "other")
    versus.set_defaults(run=_compare)


def _diagnose(args: argparse.Namespace) -> Answer:
    path: Path = args.path
    if not path.exists():
        raise NotFound(f"{path} does not exist. Give a trace, or a folder that holds one.")
    found = ranks.diagnose_path(path)
    for message in found.messages:
        say(f"warning: {args.named(message)}")
    records = list(found.records)
    if args.html is not None:
        _write_report(args.html, path, records)
    code = FAILED if _missed(records, args.fail_under_utilisation) else DONE
    return records[0] if len(records) == 1 else records, code


def _percentage(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"{text} is no percentage from 0 to 100")
    return value


def _missed(records: list[dict[str, Any]], least: float | None) -> bool:
    """Whether the gate is missed: by every trace that is too idle, or has no device to be busy."""
    if least is None:
        return False
    missed = False
    for record in (one for job in records for one in job.get("ranks", [job])):
        busy = record["device_busy_pct"]
        if busy is None or busy < least:
            shown = "no device in the trace" if busy is None else f"busy {busy:.1f} %"
            say(f"gate missed: {record['trace']}: {shown}")
            missed = True
    return missed


def _write_report(target: Path, path: Path, records: list[dict[str, Any]]) -> None:
    """One HTML file; of a folder all traces in a table and the slowest ones in full."""
    body = report.body(records, traces.find_traces(path), path)
    try:
        target.write_text(report.document(path.name, body), encoding="utf-8")
    except OSError as error:
        raise BadInput(f"The report cannot be written: {error.strerror or error}.") from None
    say(f"report: {target}")


def _compare(args: argparse.Namespace) -> Answer:
    return compare.compare(args.path, args.other).to_json(), DONE
