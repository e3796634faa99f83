"""The mirror of a remote folder: bring what is new, remove what is gone, keep what is known."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.errors import BadInput, GpulseError
from core.remote.index import Index, read_index, turn, write_index
from core.remote.inlet import Inlet, fetch_all
from core.remote.source import Entry, Listing, Source
from core.settings import settings, shown_url

_GIB = 1 << 30
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Mirror:
    """What a look at a remote folder gave.

    Attributes:
        url: the remote folder, without its password.
        path: the mirror folder; the file in it where the URL names a file.
        problems: one line each: what was not fetched, or why this is an old state.
        fetched_bytes: bytes read from the remote side, probes included.
        changed: the mirror is not what it was before.
    """

    url: str
    path: Path
    problems: tuple[str, ...] = ()
    fetched_bytes: int = 0
    changed: bool = False

    def in_words(self, text: str) -> str:
        """``text`` with the URL wherever it names the mirror."""
        return text.replace(str(self.path), self.url)


def sync(url: str) -> Mirror:
    """Bring the mirror of a remote folder up to date; another process' turn is waited for.

    An event file that only grew is read from where the mirror ends. Where the remote side cannot
    be reached, the mirror stays as it was, and a problem says of when it is.

    Raises:
        BadInput: it cannot be reached and was never fetched, or the mirror cannot be written.
    """
    shown, folder = shown_url(url), settings().mirror(url)
    with _writing(shown), turn(folder):
        index = read_index(folder)
        try:
            return _update(Source(url), shown, folder, index)
        except GpulseError as error:
            if index.synced is None:
                raise
            old = f"{error} What is shown is the state of {_clock(index.synced)}."
            return Mirror(shown, folder / index.single, (old,))
        finally:
            write_index(folder, index)


def _update(source: Source, shown: str, folder: Path, index: Index) -> Mirror:
    listing = source.listing()
    kept, problems = _within_limits(listing, shown)
    gone = _remove_all_but({entry.name for entry in kept}, folder)
    index.known = {entry.name: index.known[entry.name] for entry in kept
                   if entry.name in index.known}  # fmt: skip
    wanted = [entry for entry in kept if not _is_current(entry, folder, index)]
    fetched = fetch_all(Inlet(source, folder, index), wanted)
    index.synced = time.time()
    index.single = listing.entries[0].name if listing.single and listing.entries else ""
    return Mirror(shown, folder / index.single, problems, fetched, bool(gone or wanted))


def _within_limits(listing: Listing, shown: str) -> tuple[list[Entry], tuple[str, ...]]:
    """The files to have, newest first while the total lasts, and a line on the others."""
    limits = settings()
    large: list[str] = []
    beyond: list[str] = []
    kept: list[Entry] = []
    left = limits.remote_total_gib * _GIB
    for entry in sorted(listing.entries, key=lambda entry: -(entry.mtime_ns or 0)):
        if entry.size > limits.remote_file_gib * _GIB:
            large.append(entry.name)
        elif entry.size > left:
            beyond.append(entry.name)
        else:
            kept.append(entry)
            left -= entry.size
    reasons = (
        (large, f"larger than {limits.remote_file_gib:g} GiB; raise GPULSE_REMOTE_FILE_GIB"),
        (beyond, f"beyond {limits.remote_total_gib:g} GiB; raise GPULSE_REMOTE_TOTAL_GIB"),
        (listing.refused, "cannot be a file name here; rename it"),
    )
    lines = (f"{shown}: not fetched: {_some(names)} ({why})." for names, why in reasons if names)
    return kept, tuple(lines)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(ascii(name[:80]) for name in names[:_NAMED]) + more


def _remove_all_but(names: set[str], folder: Path) -> int:
    """Remove what is gone on the remote side, and folders left empty; how many files."""
    gone = 0
    for place, _, files in os.walk(folder, topdown=False):
        here = Path(place)
        for file in files:
            if (here / file).relative_to(folder).as_posix() not in names:
                (here / file).unlink()
                gone += 1
        if here != folder and not any(here.iterdir()):
            here.rmdir()
    return gone


def _is_current(entry: Entry, folder: Path, index: Index) -> bool:
    try:
        size = (folder / entry.name).stat().st_size
    except FileNotFoundError:
        return False
    return size == entry.size and index.known.get(entry.name) == (entry.size, entry.tag)


@contextmanager
def _writing(shown: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadInput(
            f"The mirror of {shown} cannot be written ({error.strerror or error}). "
            "Free some space, or set GPULSE_STATE_DIR to another folder."
        ) from None


def _clock(when: float) -> str:
    """HH:MM of this machine's clock, with the date where it is not today's."""
    at = time.localtime(when)
    today = time.strftime("%Y-%m-%d") == time.strftime("%Y-%m-%d", at)
    return time.strftime("%H:%M" if today else "%Y-%m-%d %H:%M", at)
