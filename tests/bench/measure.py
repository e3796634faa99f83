"""Costs of child processes, and goals held against them.

Every case runs in a process of its own. What it cost altogether comes from the kernel (``wait4``,
which counts the workers it waited for), what the measured part alone cost (imports apart) from
the child, which prints it as one line of JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil

ROOT = Path(__file__).parents[2]
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Cost:
    """What one child process cost.

    Attributes:
        cpu_s: user and system time of the child and the workers it waited for, all its life.
        part_cpu_s: of that, the measured part alone (workers that were waited for included).
        wall_s: duration of the measured part.
        base_mib: resident memory before the measured part (imports done).
        peak_mib: largest resident memory of the child.
        tree_mib: largest sum over the child and its workers (sampled every 20 ms).
        said: what else the child said.
    """

    cpu_s: float
    part_cpu_s: float
    wall_s: float
    base_mib: float
    peak_mib: float
    tree_mib: float
    said: Mapping[str, Any]


def memory_mib(field: str, pid: int | str = "self") -> float:
    """A line of ``/proc/PID/status``: VmRSS (resident now) or VmHWM (its largest so far)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    return 0.0


class Part:
    """In a child: costs what happens inside the ``with``."""

    def __enter__(self) -> Part:
        self._base = memory_mib("VmRSS")
        self._cpu, self._wall = self._now(), time.perf_counter()
        return self

    def __exit__(self, *error: object) -> None:
        self._cpu, self._wall = self._now() - self._cpu, time.perf_counter() - self._wall

    @staticmethod
    def _now() -> float:
        times = os.times()
        return time.process_time() + times.children_user + times.children_system

    def say(self, **more: Any) -> None:
        """Print what the part cost, for the parent."""
        said = {"part_cpu_s": self._cpu, "wall_s": self._wall, "base_mib": self._base}
        print(json.dumps({**said, "peak_mib": memory_mib("VmHWM"), **more}))


@contextlib.contextmanager
def _tree_watched(pid: int) -> Iterator[list[float]]:
    """Samples of the resident memory of a process and its descendants, in MiB."""
    samples, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            with contextlib.suppress(psutil.Error):
                root = psutil.Process(pid)
                family = [root, *root.children(recursive=True)]
                samples.append(sum(member.memory_info().rss for member in family) / MIB)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    yield samples
    done.set()
    thread.join()


def child(module: str, *words: object, state: Path, python: Path | None = None) -> Cost:
    """Run ``python -m module words`` on a state folder and say what it cost.

    Args:
        module, words: what to run.
        state: where caches are.
        python: another interpreter than this one.
    """
    command = [str(python or sys.executable), "-m", module, *map(str, words)]
    env = {**os.environ, "GPULSE_STATE_DIR": str(state)}
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=out)
        with _tree_watched(process.pid) as samples:
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        lines = out.read().splitlines()
    if process.returncode != 0 or not lines:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    said = json.loads(lines[-1])
    keys = ("part_cpu_s", "wall_s", "base_mib", "peak_mib")
    return Cost(
        cpu_s=usage.ru_utime + usage.ru_stime,
        tree_mib=max(samples),
        said={key: value for key, value in said.items() if key not in keys},
        **{key: said[key] for key in keys},
    )


def middle(costs: Sequence[Cost], field: str = "part_cpu_s") -> float:
    """The median of one figure."""
    return median(getattr(cost, field) for cost in costs)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure, and the goal it is held against (None: it is only reported)."""

    name: str
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        if self.at_least is not None:
            return self.value >= self.at_least
        return self.value <= self.at_most if self.at_most is not None else None

    @property
    def goal(self) -> str:
        if self.at_least is not None:
            return f"≥ {self.at_least:,g}"
        return f"≤ {self.at_most:,.4g}" if self.at_most is not None else ""


def report(title: str, figures: Sequence[Figure], file: Path | None = None) -> int:
    """Print a table, write it as JSON when asked, and give the exit code."""
    print(f"\n{title}\n")
    width = max(len(figure.name) for figure in figures)
    words = {True: "met", False: "MISSED", None: ""}
    for figure in figures:
        value = f"{figure.value:,.4g} {figure.unit}"
        print(f"{figure.name:<{width}}  {value:>16}  {figure.goal:>12}  {words[figure.met]:<6}  "
              f"{figure.note}".rstrip())  # fmt: skip
    missed = [figure.name for figure in figures if figure.met is False]
    print(f"\n{len(missed)} missed" if missed else "\nall goals met")
    if file is not None:
        rows = [{**asdict(figure), "met": figure.met} for figure in figures]
        file.write_text(json.dumps({"title": title, "figures": rows}, indent=1), encoding="utf-8")
    return 1 if missed else 0
