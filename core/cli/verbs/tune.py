"""``tune``: the best DataLoader settings of a workload, in the foreground."""

from __future__ import annotations

import argparse

from core import tuning
from core.cli.output import say
from core.cli.parser import DONE, FAILED, Answer, Verbs
from core.cli.verbs.jobs import Ticker, assignments, job_record


def add(verbs: Verbs) -> None:
    """The words of this verb."""
    tune = verbs.add_parser("tune", help="the best DataLoader settings of a workload, measured")
    tune.add_argument("--workload", required=True)
    tune.add_argument("--budget", metavar="SECONDS", help="60 where nothing is said")
    tune.add_argument("--set", action="extend", nargs="+", default=[], metavar="key=value")
    tune.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    tune.set_defaults(run=_tune)


def _tune(args: argparse.Namespace) -> Answer:
    params = {**assignments(args.set), **({"budget_s": args.budget} if args.budget else {})}
    job, found = tuning.run(args.workload, params, args.device, on_tick=Ticker())
    if found is None:
        say(f"error: {job.error or job.state}")
        return job_record(job), FAILED
    return found, DONE
