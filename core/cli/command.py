"""One call of the command line, from its words to its exit code."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Sequence

from core import remote
from core.cli.output import say, show
from core.cli.parser import BAD, FAILED, Answer, Parser
from core.cli.verbs import jobs, logs, report, traces, tune
from core.errors import BadInput, GpulseError

_PLACES = ("path", "other")
"""Arguments that may be URLs."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code (argparse itself exits with 2 on bad usage)."""
    args = _parser().parse_args(argv)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            answer, code = _answer(args)
    except BadInput as error:
        say(f"error: {error}")
        return BAD
    except GpulseError as error:
        say(f"error: {error}")
        return FAILED
    except KeyboardInterrupt:
        return 130
    show(answer, as_json=args.json)
    return code


def _parser() -> Parser:
    parser = Parser(prog="python -m core", description="GPUlse without a browser.")
    verbs = parser.add_subparsers(dest="verb", required=True, parser_class=Parser)
    for group in (jobs, logs, traces, tune, report):
        group.add(verbs)
    for verb in verbs.choices.values():
        verb.add_argument("--json", action="store_true", help="print JSON instead of text")
    return parser


def _answer(args: argparse.Namespace) -> Answer:
    """Run the verb; where a place is a URL, on its mirror, with the URL in what is said."""
    said: list[Callable[[str], str]] = []
    for name in _PLACES:
        place = getattr(args, name, None)
        if isinstance(place, str):
            mirror = remote.sync(place)
            for problem in mirror.problems:
                say(f"warning: {problem}")
            setattr(args, name, mirror.path)
            said.append(mirror.in_words)

    def named(text: str) -> str:
        for in_words in said:
            text = in_words(text)
        return text

    args.named = named
    try:
        return args.run(args)
    except GpulseError as error:
        raise type(error)(named(str(error))) from None
