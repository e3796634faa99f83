"""``scalars`` and ``dynamics``: what event files hold, and the verdict on it."""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from core import dynamics, events
from core.cli.output import say
from core.cli.parser import DONE, Answer, Verbs, add_place
from core.errors import BadInput, NotFound


def add(verbs: Verbs) -> None:
    """The words of these verbs."""
    scalars = verbs.add_parser("scalars", help="event files to a table")
    add_place(scalars)
    scalars.add_argument("--csv", type=Path, metavar="FILE")
    scalars.add_argument("--parquet", type=Path, metavar="FILE")
    scalars.add_argument(
        "--latest", action="store_true", help="without the points that a restart made obsolete"
    )
    scalars.add_argument("--pivot", action="store_true", help="one column a tag, as tbparse's")
    scalars.add_argument(
        "--extra", default="", metavar="NAMES", help="tbparse's wall_time,dir_name,file_name"
    )
    scalars.set_defaults(run=_scalars)

    verdict = verbs.add_parser("dynamics", help="the verdict on each run below a folder")
    add_place(verdict)
    verdict.add_argument("--train", metavar="TAG", help="tag of the training loss")
    verdict.add_argument("--val", metavar="TAG", help="tag of the validation loss")
    verdict.add_argument("--at", type=int, metavar="STEP", help="as it was known at this step")
    verdict.set_defaults(run=_dynamics)


def _load_scalars(args: argparse.Namespace) -> events.Events:
    path: Path = args.path
    loaded = events.load(path, kinds={"scalars"}, root=path if path.is_dir() else path.parent)
    for problem in loaded.problems:
        say(f"warning: {args.named(str(problem.file))}: {problem.message}")
    loaded.require_files()
    return loaded


def _table(args: argparse.Namespace, scalars: pd.DataFrame) -> pd.DataFrame:
    """The table to write: our columns, or those of tbparse."""
    if args.latest:
        scalars = events.latest(scalars)
    if not args.pivot and not args.extra:
        return scalars
    if args.latest:
        raise BadInput("--latest goes with neither --pivot nor --extra.")
    extra = [name.strip() for name in args.extra.split(",") if name.strip()]
    return events.as_tbparse(args.path, pivot=args.pivot, extra_columns=extra)


def _scalars(args: argparse.Namespace) -> Answer:
    frame = _load_scalars(args).scalars
    table = _table(args, frame)
    try:
        if args.csv:
            table.to_csv(args.csv, index=False)
        if args.parquet:
            table.to_parquet(args.parquet, index=False)
    except OSError as error:
        raise BadInput(f"The table cannot be written: {error.strerror or error}.") from None
    except ValueError:
        # Several values of one step are a list beside single numbers: Parquet has no such column.
        raise BadInput("A step has several values: write --csv, or leave --pivot out.") from None
    return {
        "runs": sorted(str(run) for run in frame["run"].unique()),
        "tags": sorted(str(tag) for tag in frame["tag"].unique()),
        "points": len(frame),
    }, DONE


def _dynamics(args: argparse.Namespace) -> Answer:
    frame = _load_scalars(args).scalars
    pairs = dynamics.pair_losses(frame, args.train, args.val)
    if not pairs:
        raise NotFound(
            f"No losses found below {args.path}. Name their tags with --train TAG --val TAG; "
            "the tags are listed by: scalars PATH --json"
        )
    return [dynamics.diagnose(pair, at=args.at).to_json() for pair in pairs], DONE
