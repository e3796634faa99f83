"""``python -m tests.bench lint FOLDER``: alarms of the script doctor by rule, and its speed."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path

from core.errors import BadInput
from core.lint import Record, lint_file, scripts_below


def main(words: list[str]) -> int:
    """Run the doctor over every script of a folder; 0, or 1 where it holds none."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench lint", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--list", action="store_true", help="print every alarm with its line")
    args = parser.parse_args(words)
    scripts = list(scripts_below(args.folder))
    records: list[Record] = []
    lines, began = 0, time.perf_counter()
    for script in scripts:
        try:
            records += lint_file(script)
            lines += script.read_bytes().count(b"\n")
        except BadInput as error:
            print(error)
    seconds = time.perf_counter() - began
    _show(records, args.list)
    speaking = len({record.file for record in records})
    print(f"{len(records)} alarms in {speaking} of {len(scripts)} scripts, {lines} lines")
    print(f"{lines / max(seconds, 1e-9):,.0f} lines a second")
    return 0 if scripts else 1


def _show(records: list[Record], every: bool) -> None:
    for rule, count in Counter(record.rule for record in records).most_common():
        print(f"{rule:16} {count}")
    for record in records if every else ():
        print(f"{record.file}:{record.line}: {record.rule}: {record.message}")
