"""``diagnose`` and ``compare``: where the time of a step goes and why, and what a change did."""

from __future__ import annotations

import argparse
from pathlib import Path

from core import compare, report, traces
from core.cli.output import say
from core.cli.parser import DONE, FAILED, Answer, Verbs, add_place
from core.errors import BadInput, NotFound
from core.traces import Diagnosis


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
    files = traces.find_traces(path)
    if not files:
        raise NotFound(
            f"No trace (*.pt.trace.json, *.json.gz) below {path}. Record one with: "
            "launch --kind profile"
        )
    found = [traces.diagnose(traces.load_trace(file)) for file in files]
    if args.html is not None:
        _write_report(args.html, path.name, files, found)
    records = [each.to_json() for each in found]
    code = FAILED if _missed(found, args.fail_under_utilisation) else DONE
    return records[0] if len(records) == 1 else records, code


def _percentage(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"{text} is no percentage from 0 to 100")
    return value


def _missed(found: list[Diagnosis], least: float | None) -> bool:
    """Whether the gate is missed: by every trace that is too idle, or has no device to be busy."""
    if least is None:
        return False
    missed = False
    for each in found:
        busy = each.device_busy_pct
        if busy is None or busy < least:
            shown = "no device in the trace" if busy is None else f"busy {busy:.1f} %"
            say(f"gate missed: {each.trace}: {shown}")
            missed = True
    return missed


def _write_report(target: Path, title: str, files: list[Path], found: list[Diagnosis]) -> None:
    """One HTML file; of a folder all traces in a table and the slowest ones in full."""
    file_of = dict(zip(map(id, found), files, strict=True))
    sections = [
        (each.trace, report.section(traces.load_trace(file_of[id(each)]), each))
        for each in report.worst_first(found)[: report.MAX_SECTIONS]
    ]
    body = sections[0][1] if len(found) == 1 else report.several(found, sections)
    try:
        target.write_text(report.document(title, body), encoding="utf-8")
    except OSError as error:
        raise BadInput(f"The report cannot be written: {error.strerror or error}.") from None
    say(f"report: {target}")


def _compare(args: argparse.Namespace) -> Answer:
    return compare.compare(args.path, args.other).to_json(), DONE
