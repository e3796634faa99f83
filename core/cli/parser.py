"""The words of the command line, and what it says to those it does not know."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NoReturn

from core.settings import is_url

DONE, FAILED, BAD = 0, 1, 2
"""Exit codes."""

Verbs = Any
"""What ``ArgumentParser.add_subparsers`` returns: argparse has no public name for it."""
Answer = tuple[Any, int]
"""What a verb says (plain types, DataFrames excepted) and its exit code."""


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line that says where help is."""

    def error(self, message: str) -> NoReturn:
        text = " ".join(message.split())
        self.exit(BAD, f"error: {text}. See `python -m core --help`.\n")


def place(text: str) -> Path | str:
    """A PATH argument: a URL stays text, which a Path would spoil."""
    return text if is_url(text) else Path(text)


def add_place(verb: argparse.ArgumentParser, name: str = "path", *, optional: bool = False) -> None:
    """An argument that is fetched first where it is a URL."""
    words = "folder, file or URL (s3://bucket/logs)"
    verb.add_argument(name, type=place, help=words, nargs="?" if optional else None)
