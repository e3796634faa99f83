"""``diagnose`` and ``compare``: where the time of a step goes and why, and what a change did."""

from __future__ import annotations

import argparse
from pathlib import Path

from core import compare, traces
from core.cli.output import say
from core.cli.parser import DONE, FAILED, Answer, Verbs, add_place
from core.errors import NotFound


def add(verbs: Verbs) -> None:
    """The words of these verbs."""
    diagnose = verbs.add_parser("diagnose", help="where the time of a step goes, and why")
    add_place(diagnose)
    diagnose.add_argument("--fail-under-utilisation", type=float, metavar="PCT")
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
    found = [traces.diagnose(traces.load_trace(file)).to_json() for file in files]
    code = DONE
    if args.fail_under_utilisation is not None:
        for record in found:
            busy = record["device_busy_pct"]
            if busy is None or busy < args.fail_under_utilisation:
                shown = "no device in the trace" if busy is None else f"busy {busy:.1f} %"
                say(f"gate missed: {record['trace']}: {shown}")
                code = FAILED
    return found[0] if len(found) == 1 else found, code


def _compare(args: argparse.Namespace) -> Answer:
    return compare.compare(args.path, args.other).to_json(), DONE
