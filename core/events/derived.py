"""What was worked out from event files, kept between sessions: small results by key and stamp.

One SQLite file in the state folder. It may be deleted at any time, is written by several
processes at once, and a disk that is full or read-only only costs the saving: every failure
here reads as "not kept".
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from core.settings import settings

MAX_BYTES = 64 * 2**20
"""Above this the results not used for longest are dropped."""

_TOUCH_S = 3600.0
_AT_ONCE = 500
_SCHEMA = """
CREATE TABLE IF NOT EXISTS derived (
    kind TEXT NOT NULL, key TEXT NOT NULL, stamp TEXT NOT NULL,
    content BLOB NOT NULL, used REAL NOT NULL, PRIMARY KEY (kind, key)
) WITHOUT ROWID
"""


def path() -> Path:
    """Where the results are kept."""
    return settings().state_dir / "cache" / "derived.sqlite"


@contextmanager
def _connection() -> Iterator[sqlite3.Connection]:
    file = path()
    file.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(file, timeout=5.0)) as connection, connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute(_SCHEMA)
        yield connection


def recall(kind: str, stamps: Mapping[str, str]) -> dict[str, bytes]:
    """What is kept of the keys whose stamp is still the same.

    Args:
        kind: what the results are; name the version of their format in it.
        stamps: key -> stamp of the content that the result is of.
    """
    now, found, old = time.time(), {}, []
    keys = list(stamps)
    try:
        with _connection() as connection:
            for first in range(0, len(keys), _AT_ONCE):
                some = keys[first : first + _AT_ONCE]
                marks = ",".join("?" * len(some))
                query = (
                    "SELECT key, stamp, content, used FROM derived "
                    f"WHERE kind = ? AND key IN ({marks})"
                )
                for key, stamp, content, used in connection.execute(query, (kind, *some)):
                    if stamps[key] == stamp:
                        found[key] = content
                        if now - used > _TOUCH_S:
                            old.append((now, kind, key))
            connection.executemany("UPDATE derived SET used = ? WHERE kind = ? AND key = ?", old)
    except (OSError, sqlite3.Error) as error:
        _discard_if_broken(error)
    return found


def keep(kind: str, results: Mapping[str, tuple[str, bytes]]) -> None:
    """Keep results: key -> (stamp, content). What cannot be written is forgotten."""
    now = time.time()
    try:
        with _connection() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO derived VALUES (?, ?, ?, ?, ?)",
                [(kind, key, stamp, content, now) for key, (stamp, content) in results.items()],
            )
            (total,) = connection.execute("SELECT SUM(LENGTH(content)) FROM derived").fetchone()
            if (total or 0) > MAX_BYTES:
                connection.execute(
                    "DELETE FROM derived WHERE used <= (SELECT used FROM derived ORDER BY used "
                    "LIMIT 1 OFFSET (SELECT COUNT(*) / 2 FROM derived))"
                )
    except (OSError, sqlite3.Error) as error:
        _discard_if_broken(error)


def _discard_if_broken(error: Exception) -> None:
    """Delete a file that is no database any more; the next call makes a new one."""
    if "malformed" in str(error) or "not a database" in str(error):
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                Path(f"{path()}{suffix}").unlink(missing_ok=True)
