"""Record the traces of the gallery anew: ``python -m core.gallery.record [KEY …]``.

Each script runs three times in a process of its own; the run with the shortest window is kept, for
other programs only ever make it longer.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from core.gallery.cases import load
from core.gallery.entries import ENTRIES, NOTES, Entry, Machine, get
from core.gallery.scripts import SIDES, digest, path
from core.traces import diagnose, load_trace

ATTEMPTS = 3
_LIMIT_S = 300
_HOST = re.compile(rb'"host_name": "[^"]*",\s*')
"""The machine's name, which a recording does not need."""
_LOG = logging.getLogger(__name__)


def record(entry: Entry) -> None:
    """Write both recordings of an entry, and where they were made.

    Raises:
        subprocess.CalledProcessError: a script failed.
    """
    for side in SIDES:
        with tempfile.TemporaryDirectory() as folder:
            tries = _attempts(entry, side, Path(folder))
            best = min(tries, key=lambda file: diagnose(load_trace(file)).window_ms)
            text = _HOST.sub(b"", best.read_bytes())
            entry.recording(side).write_bytes(gzip.compress(text, mtime=0))
    known = json.loads(NOTES.read_text(encoding="utf-8")) if NOTES.exists() else {}
    known[entry.key] = asdict(_made(entry))
    NOTES.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _attempts(entry: Entry, side: str, folder: Path) -> list[Path]:
    """Traces of one script; it is called train.py there, and so in the stacks."""
    shutil.copy(path(entry.key, side), folder / "train.py")
    names = [f"{number}.pt.trace.json" for number in range(ATTEMPTS)]
    child = Path(__file__).with_name("profiled.py")
    command = [sys.executable, str(child), "train.py", *names]
    subprocess.run(command, cwd=folder, check=True, timeout=_LIMIT_S)
    return [folder / name for name in names]


def _made(entry: Entry) -> Machine:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Machine(
        date=datetime.now(UTC).date().isoformat(),
        cpu=_cpu(),
        cores=cores or 1,
        torch=version("torch"),
        python=platform.python_version(),
        code=digest(entry.key),
    )


def _cpu() -> str:
    """The processor's name as Linux knows it, else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


def main() -> None:
    """Record the entries named on the command line, all recorded ones without a name."""
    parser = argparse.ArgumentParser(prog="python -m core.gallery.record", description=__doc__)
    parser.add_argument("key", nargs="*", help="entries; all that need no GPU where none is named")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    keys = parser.parse_args().key
    chosen = [get(key) for key in keys] or [e for e in ENTRIES if e.simulated is None]
    for entry in chosen:
        record(entry)
        _LOG.info("%s: %s", entry.key, load(entry).compared.summary)


if __name__ == "__main__":
    main()
