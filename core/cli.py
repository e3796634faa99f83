"""Every capability without a browser: ``python -m core VERB … [--json]``.

JSON goes to stdout alone, progress and messages to stderr. Exit codes: 0 done; 1 the thing asked
for failed or a gate was missed; 2 bad usage or unreadable input (one line, no traceback).
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd

from core import dynamics, events, jobs, remote
from core.errors import BadInput, GpulseError, NotFound
from core.settings import is_url
from core.traces import ranks

DONE, FAILED, BAD = 0, 1, 2


class _Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line that says where help is."""

    def error(self, message: str) -> NoReturn:
        text = " ".join(message.split())
        self.exit(BAD, f"error: {text}. See `python -m core --help`.\n")


def _jsonable(value: Any) -> Any:
    """Strict JSON: non-finite numbers become null, paths become text, tuples become lists."""
    if isinstance(value, dict):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "item") and not isinstance(value, (str, bytes)):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _assignments(pairs: Sequence[str]) -> dict[str, str]:
    """``key=value`` words of ``--set`` as a dict."""
    params: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise BadInput(f"--set takes key=value, got {pair!r}.")
        params[name.strip()] = value.strip()
    return params


def _job_record(job: jobs.Job) -> dict[str, Any]:
    progress = jobs.progress(job)
    return {
        "id": job.id,
        "kind": job.kind,
        "workload": job.workload,
        "state": job.state,
        "device": job.device,
        "progress": 1.0 if job.state == "succeeded" else progress.fraction if progress else 0.0,
        "run_dir": job.run_dir,
        "exit_code": job.exit_code,
        "error": job.error,
        "params": job.params,
        "alerts": [dataclasses.asdict(alert) for alert in jobs.alerts(job)],
    }


class _Ticker:
    """Reports to stderr a change of state at once, progress every other second."""

    def __init__(self) -> None:
        self._last, self._state, self._next = "", "", 0.0

    def __call__(self, job: jobs.Job) -> None:
        progress = jobs.progress(job)
        text = f"{job.id}: {job.state}"
        if progress is not None and not job.final:
            text += f", {progress.phase} ({progress.done} of {progress.total} {progress.unit}s)"
        due = time.monotonic() >= self._next or job.state != self._state
        if text != self._last and due:
            self._last, self._state, self._next = text, job.state, time.monotonic() + 2
            _say(text)


def _launch(args: argparse.Namespace) -> tuple[Any, int]:
    spec = jobs.make_spec(
        args.kind, args.workload, _assignments(args.set), device=args.device, parent=args.parent
    )
    job = jobs.launch(spec)
    _say(f"{job.id}: queued, writes to {job.run_dir}")
    if args.wait:
        try:
            job = jobs.wait(job.id, on_tick=_Ticker())
        except KeyboardInterrupt:
            _say(f"{job.id} goes on. Stop it with: python -m core jobs {job.id} --stop")
            raise
        if job.error:
            _say(f"error: {job.error}")
    failed = job.final and job.state != "succeeded"
    return _job_record(job), FAILED if failed else DONE


def _jobs(args: argparse.Namespace) -> tuple[Any, int]:
    if args.id is None:
        if args.log or args.stop:
            raise BadInput("--log and --stop need the id of a job. List them with: jobs")
        return [_job_record(job) for job in jobs.list_jobs()], DONE
    job = jobs.stop(args.id) if args.stop else jobs.get(args.id)
    record = _job_record(job)
    if args.log:
        record["log"] = jobs.read_log(job)
    return [record], DONE


def _place(text: str) -> Path | str:
    """A PATH argument: a URL stays text, which a Path would spoil."""
    return text if is_url(text) else Path(text)


def _answer(args: argparse.Namespace) -> tuple[Any, int]:
    """Run the verb; where its PATH is a URL, on the mirror, with the URL in what is said."""
    place = getattr(args, "path", None)
    if not isinstance(place, str):
        return args.run(args)
    mirror = remote.sync(place)
    for problem in mirror.problems:
        _say(f"warning: {problem}")
    args.path, args.named = mirror.path, mirror.in_words
    try:
        return args.run(args)
    except GpulseError as error:
        raise type(error)(mirror.in_words(str(error))) from None


def _load_scalars(args: argparse.Namespace) -> events.Events:
    path: Path = args.path
    loaded = events.load(path, kinds={"scalars"}, root=path if path.is_dir() else path.parent)
    for problem in loaded.problems:
        _say(f"warning: {args.named(str(problem.file))}: {problem.message}")
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


def _scalars(args: argparse.Namespace) -> tuple[Any, int]:
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


def _dynamics(args: argparse.Namespace) -> tuple[Any, int]:
    frame = _load_scalars(args).scalars
    pairs = dynamics.pair_losses(frame, args.train, args.val)
    if not pairs:
        raise NotFound(
            f"No losses found below {args.path}. Name their tags with --train TAG --val TAG; "
            "the tags are listed by: scalars PATH --json"
        )
    return [dynamics.diagnose(pair, at=args.at).to_json() for pair in pairs], DONE


def _diagnose(args: argparse.Namespace) -> tuple[Any, int]:
    path: Path = args.path
    if not path.exists():
        raise NotFound(f"{path} does not exist. Give a trace, or a folder that holds one.")
    found = ranks.diagnose_path(path)
    for message in found.messages:
        _say(f"warning: {args.named(message)}")
    code = DONE
    if args.fail_under_utilisation is not None:
        for record in (one for job in found.records for one in job.get("ranks", [job])):
            busy = record["device_busy_pct"]
            if busy is None or busy < args.fail_under_utilisation:
                shown = "no device in the trace" if busy is None else f"busy {busy:.1f} %"
                _say(f"gate missed: {record['trace']}: {shown}")
                code = FAILED
    return found.records[0] if len(found.records) == 1 else list(found.records), code


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m core", description="GPUlse without a browser.")
    verbs = parser.add_subparsers(dest="verb", required=True, parser_class=_Parser)

    launch = verbs.add_parser("launch", help="validate and queue a job")
    launch.add_argument("--kind", required=True, choices=("train", "profile", "tune"))
    launch.add_argument("--workload", required=True)
    launch.add_argument(
        "--set", action="extend", nargs="+", default=[], metavar="key=value", help="parameters"
    )
    launch.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    launch.add_argument("--parent", default=None, help="id of the job that this one reruns")
    launch.add_argument("--wait", action="store_true", help="until it is over")
    launch.set_defaults(run=_launch)

    queue = verbs.add_parser("jobs", help="the queue, or one job")
    queue.add_argument("id", nargs="?")
    queue.add_argument("--log", action="store_true", help="the end of its log")
    queue.add_argument("--stop", action="store_true", help="end it and all its processes")
    queue.set_defaults(run=_jobs)

    place: dict[str, Any] = {"type": _place, "help": "folder, file or URL (s3://bucket/logs)"}
    scalars = verbs.add_parser("scalars", help="event files to a table")
    scalars.add_argument("path", **place)
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
    verdict.add_argument("path", **place)
    verdict.add_argument("--train", metavar="TAG", help="tag of the training loss")
    verdict.add_argument("--val", metavar="TAG", help="tag of the validation loss")
    verdict.add_argument("--at", type=int, metavar="STEP", help="as it was known at this step")
    verdict.set_defaults(run=_dynamics)

    diagnose = verbs.add_parser("diagnose", help="where the time of a step goes, and why")
    diagnose.add_argument("path", **place)
    diagnose.add_argument("--fail-under-utilisation", type=float, metavar="PCT")
    diagnose.set_defaults(run=_diagnose)

    parser.set_defaults(named=str)
    for verb in (launch, queue, scalars, verdict, diagnose):
        verb.add_argument("--json", action="store_true", help="print JSON instead of text")
    return parser


def _text(value: Any) -> str:
    """A record as readable lines: ``key: value``, nested values as compact JSON."""
    if isinstance(value, list):
        return "\n\n".join(_text(item) for item in value)
    if isinstance(value, dict):
        return "\n".join(
            f"{key}: {item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)}"
            for key, item in value.items()
        )
    return str(value)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code (argparse itself exits with 2 on bad usage)."""
    args = _parser().parse_args(argv)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            answer, code = _answer(args)
    except BadInput as error:
        _say(f"error: {error}")
        return BAD
    except GpulseError as error:
        _say(f"error: {error}")
        return FAILED
    except KeyboardInterrupt:
        return 130
    answer = _jsonable(answer)
    if args.json:
        print(json.dumps(answer, ensure_ascii=False, allow_nan=False))
    else:
        print(_text(answer))
    return code
