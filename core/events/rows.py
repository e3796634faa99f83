"""Scalars of one event file as columns, grouped by tag."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Rows:
    """Scalars sorted by tag, within a tag in file order. The arrays are never written to.

    Attributes:
        tags: the tags, sorted.
        bounds: int64[len(tags) + 1]; the rows of ``tags[i]`` are ``bounds[i]:bounds[i + 1]``.
        step: int64[n].
        wall_time: float64[n], s since the epoch.
        value: float64[n].
    """

    tags: tuple[str, ...]
    bounds: np.ndarray
    step: np.ndarray
    wall_time: np.ndarray
    value: np.ndarray

    def __len__(self) -> int:
        return len(self.step)

    @property
    def nbytes(self) -> int:
        """Memory held by the columns."""
        return self.step.nbytes + self.wall_time.nbytes + self.value.nbytes + self.bounds.nbytes

    def codes(self) -> np.ndarray:
        """Index into ``tags`` of each row: int32[n]."""
        return np.repeat(np.arange(len(self.tags), dtype=np.int32), np.diff(self.bounds))

    def parts(self) -> Iterator[tuple[str, slice]]:
        """(tag, its rows) in order."""
        for index, tag in enumerate(self.tags):
            yield tag, slice(int(self.bounds[index]), int(self.bounds[index + 1]))

    def only(self, wanted: Sequence[str]) -> Rows:
        """The rows of some tags."""
        keep = sorted(set(wanted) & set(self.tags))
        if len(keep) == len(self.tags):
            return self
        where = dict(self.parts())
        return _joined([(tag, [(self, where[tag])]) for tag in keep])


def empty() -> Rows:
    """No rows."""
    none = np.empty(0, np.int64)
    return Rows((), np.zeros(1, np.int64), none, none.astype(float), none.astype(float))


def from_columns(names: Sequence[str], columns: list[np.ndarray]) -> Rows:
    """Group columns in file order by tag.

    Args:
        names: tags in any order; those without rows are left out.
        columns: tag of each row as an index into ``names`` (int[n]), step, wall_time and value
            ([n] each). The list is emptied, so that each column's memory can be used again.
    """
    code = columns.pop(0)
    if not len(code):
        columns.clear()
        return empty()
    order = sorted(range(len(names)), key=names.__getitem__)
    rank = np.empty(len(names), np.int16 if len(names) < 2**15 else np.int32)
    rank[order] = np.arange(len(names))
    ranked = rank[code]
    del code
    if len(names) > 1 and (ranked[1:] < ranked[:-1]).any():
        by_tag = np.argsort(ranked, kind="stable")  # 16 bits: a radix sort
        for index in range(len(columns)):
            columns[index] = columns[index][by_tag]
        del by_tag
    counts = np.bincount(ranked, minlength=len(names))
    present = np.flatnonzero(counts)
    bounds = np.concatenate([[0], np.cumsum(counts[present])]).astype(np.int64)
    tags = tuple(names[order[index]] for index in present)
    value = columns.pop().astype(np.float64, copy=False)
    wall_time, step = columns.pop(), columns.pop()
    return _frozen(Rows(tags, bounds, step, wall_time, value))


def merge(parts: Sequence[Rows]) -> Rows:
    """One after the other: the rows of a tag in the order of the parts."""
    filled = [part for part in parts if len(part)]
    if len(filled) < 2:
        return filled[0] if filled else empty()
    pieces: dict[str, list[tuple[Rows, slice]]] = {}
    for part in filled:
        for tag, rows in part.parts():
            pieces.setdefault(tag, []).append((part, rows))
    return _joined([(tag, pieces[tag]) for tag in sorted(pieces)])


def _joined(pieces: list[tuple[str, list[tuple[Rows, slice]]]]) -> Rows:
    if not pieces:
        return empty()
    flat = [(rows, where) for _, parts in pieces for rows, where in parts]
    counts = [sum(where.stop - where.start for _, where in parts) for _, parts in pieces]
    bounds = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    step = np.concatenate([rows.step[where] for rows, where in flat])
    wall_time = np.concatenate([rows.wall_time[where] for rows, where in flat])
    value = np.concatenate([rows.value[where] for rows, where in flat])
    return _frozen(Rows(tuple(tag for tag, _ in pieces), bounds, step, wall_time, value))


def _frozen(rows: Rows) -> Rows:
    for column in (rows.bounds, rows.step, rows.wall_time, rows.value):
        column.flags.writeable = False
    return rows
