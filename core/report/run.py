"""Everything about one run as one file: what it was, how it learned, where its time went."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from core import compare, dynamics, events, health, loader, runs, traces
from core.errors import GpulseError, NotFound, Unreadable
from core.jobs import Job
from core.report import about, learning, logged, tuning, versus
from core.report.document import document
from core.report.learning import Judged
from core.report.markup import cut, name, tag, text
from core.report.profiles import body as profiles_body
from core.runs import Run
from core.traces import ranks

T = TypeVar("T")

MAX_TRACES, ROOM = 3, 250_000
"""Traces shown in full, and characters they may take: with all else the file stays below 500 kB."""


@dataclass(frozen=True, slots=True)
class RunReport:
    """The report of one run.

    Attributes:
        html: the whole file.
        sections: titles of its parts.
        problems: one line for each part of the run that cannot be read.
    """

    html: str
    sections: tuple[str, ...]
    problems: tuple[str, ...]


def run_report(run: Run, roots: Iterable[Path], made: datetime | None = None) -> RunReport:
    """Read a run and write its report. What cannot be read costs one line of it.

    Args:
        run: whose job made it or somebody else's, finished or live.
        roots: folders in which its parent may lie.
        made: time to write at its end; now where none is given.
    """
    return _Writer(run, tuple(roots)).write(made)


def failed(title: str, error: GpulseError) -> str:
    """A file that says why there is no report."""
    return document(title, tag("p", text(error), "verdict critical"), kind="run report")


class _Writer:
    """Collects the sections of a run, and what went wrong on the way."""

    def __init__(self, run: Run, roots: tuple[Path, ...]) -> None:
        self.run, self.roots = run, roots
        self.titles: list[str] = []
        self.parts: list[str] = []
        self.problems: list[str] = []

    def write(self, made: datetime | None) -> RunReport:
        run = self.run
        job, known = about.job_of(run)
        judged = self._tried(self._judge, [])
        signs = self._tried(lambda: _signs(run, judged), health.Health())
        self.parts += [about.vitals(signs, run, job, known), about.state(run, job, known)]
        self.parts.append(about.autopsy(job))
        self._add("What it was", lambda: about.what(run, job))
        if run.event_files and run.kind != "tune":
            self._add("Training dynamics", lambda: learning.section(run, judged))
        if run.trace_files:
            self._add("Bottlenecks", self._profiles)
        self._add("DataLoader tuning", lambda: _tuning(run))
        self._add("Compared with its parent", lambda: _parent(run, job, self.roots))
        self._add("What it logged", lambda: logged.logged(run))
        self._add("Files", lambda: logged.files(run, job))
        title = run.key if run.key not in ("", ".") else run.path.name
        html = document(title, "".join(self.parts), made, kind="run report")
        return RunReport(html, tuple(self.titles), tuple(self.problems))

    def _tried(self, make: Callable[[], T], otherwise: T) -> T:
        try:
            return make()
        except GpulseError as error:
            self._problem(str(error))
            return otherwise

    def _problem(self, line: str) -> None:
        if line not in self.problems:
            self.problems.append(line)
            self.parts.append(tag("p", text(cut(line)), "verdict warning"))

    def _add(self, title: str, make: Callable[[], str]) -> None:
        """A section with its heading; nothing where it has no content."""
        before = len(self.problems)
        start = len(self.parts)
        content = self._tried(make, "")
        if not content and len(self.problems) == before:
            return
        self.titles.append(title)
        said = "".join(self.parts[start:])
        del self.parts[start:]
        self.parts.append(tag("section", tag("h2", text(title)) + said + content, "part"))

    def _judge(self) -> list[Judged]:
        run = self.run
        if not run.event_files:
            return []
        found = events.load(run.event_files, {"scalars"}, run.path)
        for problem in found.problems:
            if not problem.pending:  # the end of a file that is still being written
                self._problem(f"{problem.file.name}: {problem.message}")
        pairs = dynamics.pair_losses(found.scalars)
        return [Judged(pair, dynamics.diagnose(pair)) for pair in pairs]

    def _profiles(self) -> str:
        files, root = self.run.trace_files, self.run.path
        answers = ranks.diagnose_files(files, root)
        for message in answers.messages:
            self._problem(message)
        return profiles_body(answers.records, files, root, MAX_TRACES, ROOM)


def _signs(run: Run, judged: Sequence[Judged]) -> health.Health:
    signs = health.Health()
    if run.event_files:
        frame = events.load(run.event_files, {"scalars"}, run.path).scalars
        first = (judged[0].pair, judged[0].verdict) if judged else (None, None)
        signs = health.vital_signs(frame, *first)
    if signs.step_ms is None and len(run.trace_files) == 1:
        signs = health.from_profile(signs, traces.open_diagnosis(run.trace_files[0]))
    return signs


def _tuning(run: Run) -> str:
    try:
        trials = loader.read_trials(run.path)
    except NotFound:
        return ""
    try:
        return tuning.section(trials)
    except (TypeError, ValueError, AttributeError):  # values that are no numbers
        raise Unreadable("trials.json does not hold DataLoader trials. Tune again.") from None


def _parent(run: Run, job: Job | None, roots: tuple[Path, ...]) -> str:
    """The comparison with the run that this one reruns; "" without one that is here."""
    if job is None or job.parent is None:
        return ""
    parent = _find(job.parent, roots)
    if parent is None or parent.path == run.path:
        return tag("p", f"Its parent {name(job.parent)} is not here any more.", "soft")
    kinds = ((run.event_files, parent.event_files), (run.trace_files, parent.trace_files))
    if not any(mine and theirs for mine, theirs in kinds):
        return tag("p", f"Its parent {name(job.parent)} has nothing to compare it with.", "soft")
    return versus.section(compare.compare(parent.path, run.path), job.parent)


def _find(job_id: str, roots: tuple[Path, ...]) -> Run | None:
    """The run of a job below one of the roots; never one of another name."""
    try:
        found = runs.find(job_id, roots)
    except GpulseError:
        return None
    return found if (found.job or {}).get("id") == job_id else None
