"""What ``diagnose PATH`` answers: a record for each job of many ranks, and each trace alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import GpulseError
from core.traces.loading import find_traces
from core.traces.ranks.captures import RankFile, sort_traces
from core.traces.ranks.job import diagnose_capture, missing_words, not_a_job


@dataclass(frozen=True, slots=True)
class Answers:
    """Records in the order: jobs, then traces alone.

    Attributes:
        records: at least the keys of one trace's diagnosis each; a job's has ``ranks`` too.
        messages: what is to be said beside them, one line each.
    """

    records: tuple[dict[str, Any], ...]
    messages: tuple[str, ...]


def diagnose_path(path: Path) -> Answers:
    """Diagnose a trace, or every job and trace below a folder.

    A damaged trace among others costs one line; where nothing else is there, it is the error.

    Raises:
        NotFound: the path does not exist, or holds no trace.
        Unreadable: no trace can be read.
    """
    return diagnose_files(find_traces(path), path if path.is_dir() else path.parent)


def diagnose_files(files: Sequence[Path], root: Path) -> Answers:
    """Diagnose traces: every job among them, and every other one alone.

    Args:
        files: at least one.
        root: the folder that they were found in.

    Raises:
        Unreadable: no trace can be read.
    """
    found = sort_traces(files, root)
    records: list[dict[str, Any]] = []
    messages: list[str] = []
    failed: GpulseError | None = None
    if len(files) > 1 and not found.captures:
        messages.append(not_a_job(len(files)))
    for capture in found.captures:
        try:
            job = diagnose_capture(capture)
        except GpulseError as error:
            failed = error
            messages.append(str(error))
            continue
        records.append(job.to_json())
        messages += job.problems
    lone = {file.path: file for file in found.lone_ranks}
    for file in found.alone:
        try:
            records.append(_alone(file, lone.get(file)))
        except GpulseError as error:
            failed = error
            messages.append(str(error))
    if failed is not None and not records:
        raise failed
    return Answers(tuple(records), tuple(messages))


def _alone(file: Path, rank: RankFile | None) -> dict[str, Any]:
    from core.traces.kept import open_diagnosis  # Arrow, which processes of ranks do without

    record: dict[str, Any] = open_diagnosis(file).to_json()
    if rank is not None and rank.world_size:
        note = missing_words([rank.rank], rank.world_size)
        record["notes"] = [*record["notes"], note]
    return record
