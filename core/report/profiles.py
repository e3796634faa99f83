"""The traces of a run or folder: one in full, or all in tables and the slowest ones in full."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from core import traces
from core.report.diagnosis import section
from core.report.document import MAX_SECTIONS, Record, several, worst_first
from core.runs import spelled


def body(
    records: Sequence[Record],
    files: Iterable[Path],
    root: Path,
    most: int = MAX_SECTIONS,
    room: int | None = None,
) -> str:
    """What is told of all traces.

    Args:
        records: of ``diagnose``, one for each job of ranks and each other trace.
        files: the traces that they are of.
        root: the folder or file that places are written relative to.
        most: traces shown in full.
        room: characters that sections may take together; the first one is there in any case.

    Raises:
        NotFound, Unreadable: a trace is gone or was changed.
    """
    by_name: dict[str, list[Path]] = defaultdict(list)
    for file in files:
        by_name[file.name].append(file)
    worst = worst_first(records)
    sections: list[tuple[str, str]] = []
    taken = 0
    for record in worst[:most]:
        file = by_name[record["trace"]].pop(0)
        markup = section(traces.open_trace(file), traces.open_diagnosis(file))
        taken += len(markup)
        if sections and room is not None and taken > room:
            break
        sections.append((_below(file, root), markup))
    return sections[0][1] if len(worst) == 1 else several(records, sections)


def _below(file: Path, root: Path) -> str:
    return spelled(file.relative_to(root).as_posix() if root in file.parents else file.name)
