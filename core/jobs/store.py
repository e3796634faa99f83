"""The job store: one SQLite file (WAL) that is the truth about every job.

Every state change is one ``BEGIN IMMEDIATE`` transaction that names the states it may start from
(compare and set), so that of several processes exactly one makes it. Each change also marks the
job for export: the supervisor then brings ``job.json`` in the run folder up to date.
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

from core.errors import BadInput, GpulseError, NotFound, Unreadable
from core.jobs.folders import state_folder, unwritable
from core.jobs.model import ACTIVE, STATES, Job, Kind, Needs

FILE_NAME = "jobs.db"
_VERSION = 2
_BUSY_S = 15.0
_TABLE = f"""CREATE TABLE job (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL CHECK (kind IN {get_args(Kind)}),
    workload TEXT NOT NULL, params TEXT NOT NULL,
    device TEXT NOT NULL, parent TEXT, run_dir TEXT NOT NULL, git_sha TEXT,
    created REAL NOT NULL, started REAL, ended REAL, cancel_at REAL,
    state TEXT NOT NULL CHECK (state IN {STATES}),
    exit_code INTEGER, error TEXT NOT NULL DEFAULT '', pid INTEGER,
    exported INTEGER NOT NULL DEFAULT 1,
    needs TEXT NOT NULL DEFAULT '{{}}', priority INTEGER NOT NULL DEFAULT 0,
    retries INTEGER NOT NULL DEFAULT 0, attempt INTEGER NOT NULL DEFAULT 1,
    engine TEXT NOT NULL DEFAULT 'local', native TEXT NOT NULL DEFAULT '',
    gpu_ids TEXT NOT NULL DEFAULT '', waiting TEXT NOT NULL DEFAULT '',
    note TEXT NOT NULL DEFAULT '', family TEXT NOT NULL DEFAULT '')"""
_INDEXES = (
    "CREATE INDEX job_by_state ON job (state, created)",
    "CREATE INDEX job_by_time ON job (created)",
    "CREATE INDEX job_to_export ON job (exported) WHERE exported = 0",
)
_SCHEMA = (
    _TABLE,
    *_INDEXES,
    "CREATE TABLE change (job_id TEXT NOT NULL, state TEXT NOT NULL, time REAL NOT NULL)",
    "CREATE INDEX change_by_job ON change (job_id)",
    f"PRAGMA user_version = {_VERSION}",
)
_FIRST_COLUMNS = (
    "id, kind, workload, params, device, parent, run_dir, git_sha, created, started, ended,"
    " cancel_at, state, exit_code, error, pid, exported"
)
_FROM_1 = (
    "ALTER TABLE job RENAME TO job_1",
    "DROP INDEX job_by_state",
    "DROP INDEX job_by_time",
    "DROP INDEX job_to_export",
    _TABLE,
    f"INSERT INTO job ({_FIRST_COLUMNS}) SELECT {_FIRST_COLUMNS} FROM job_1",
    "DROP TABLE job_1",
    *_INDEXES,
    f"PRAGMA user_version = {_VERSION}",
)
"""From version 1, which knew neither needs nor engines: a table's checks cannot be altered."""
_COLUMNS = tuple(field.name for field in dataclasses.fields(Job))
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM job"


NOTED = frozenset({"pid", "native", "gpu_ids", "waiting", "note", "priority"})
"""Columns that change without a change of state."""


class Store:
    """Reads and state changes over one open connection; made by :func:`open_store`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def insert(self, job: Job) -> None:
        """Add a queued job whose ``job.json`` is written already."""
        with self._write():
            self._db.execute(
                "INSERT INTO job (id, kind, workload, params, device, parent, run_dir, git_sha,"
                " created, state, needs, priority, retries, engine, note, family)"
                f" VALUES ({','.join('?' * 16)})",
                (
                    job.id,
                    job.kind,
                    job.workload,
                    json.dumps(job.params),
                    job.device,
                    job.parent,
                    str(job.run_dir),
                    job.git_sha,
                    job.created,
                    job.state,
                    json.dumps(dataclasses.asdict(job.needs)),
                    job.priority,
                    job.retries,
                    job.engine,
                    job.note,
                    job.family,
                ),
            )
            self._log(job.id, job.state, job.created)

    def get(self, job_id: str) -> Job:
        """The job with this id.

        Raises:
            NotFound: there is none.
        """
        row = self._db.execute(f"{_SELECT} WHERE id = ?", (job_id,)).fetchone()
        if row is None:
            raise missing(job_id)
        return _job(row)

    def newest(self, limit: int) -> list[Job]:
        """Up to ``limit`` jobs, newest first."""
        rows = self._db.execute(f"{_SELECT} ORDER BY created DESC, rowid DESC LIMIT ?", (limit,))
        return [_job(row) for row in rows]

    def in_states(self, states: Iterable[str]) -> list[Job]:
        """All jobs in these states, oldest first."""
        wanted = tuple(states)
        marks = ",".join("?" * len(wanted))
        rows = self._db.execute(
            f"{_SELECT} WHERE state IN ({marks}) ORDER BY created, rowid", wanted
        )
        return [_job(row) for row in rows]

    def change(
        self,
        job_id: str,
        state: str,
        *,
        allowed: Iterable[str],
        started: float | None = None,
        ended: float | None = None,
        exit_code: int | None = None,
        error: str | None = None,
    ) -> bool:
        """Move a job to ``state`` if it is in one of the ``allowed`` ones.

        Fields left None keep their value. Returns False, and changes nothing, where the job has
        moved on in the meantime.
        """
        before = tuple(allowed)
        marks = ",".join("?" * len(before))
        with self._write():
            moved = self._db.execute(
                "UPDATE job SET state = ?, exported = 0, started = COALESCE(?, started),"
                " ended = COALESCE(?, ended), exit_code = COALESCE(?, exit_code),"
                f" error = COALESCE(?, error) WHERE id = ? AND state IN ({marks})",
                (state, started, ended, exit_code, error, job_id, *before),
            ).rowcount
            if moved:
                self._log(job_id, state, time.time())
        return bool(moved)

    def request_cancel(self, job_id: str) -> None:
        """Cancel a queued job at once; ask the supervisor to end one that has started."""
        if self.change(job_id, "cancelled", allowed=("queued",), ended=time.time()):
            return
        with self._write():
            self._db.execute(
                "UPDATE job SET cancel_at = COALESCE(cancel_at, ?)"
                " WHERE id = ? AND state IN (?, ?)",
                (time.time(), job_id, *ACTIVE),
            )

    def note(self, job_id: str, **fields: str | int) -> None:
        """Set fields of a job that are no part of its state: of :data:`NOTED`."""
        assert fields.keys() <= NOTED, fields
        places = ", ".join(f"{name} = ?" for name in fields)
        with self._write():
            self._db.execute(f"UPDATE job SET {places} WHERE id = ?", (*fields.values(), job_id))

    def again(self, job_id: str, allowed: Iterable[str]) -> bool:
        """Queue a job once more, as its next attempt, if it is in one of the ``allowed`` states."""
        before = tuple(allowed)
        marks = ",".join("?" * len(before))
        with self._write():
            moved = self._db.execute(
                "UPDATE job SET state = 'queued', attempt = attempt + 1, pid = NULL, native = '',"
                " gpu_ids = '', waiting = '', started = NULL, exported = 0"
                f" WHERE id = ? AND state IN ({marks})",
                (job_id, *before),
            ).rowcount
            if moved:
                self._log(job_id, "queued", time.time())
        return bool(moved)

    def to_export(self) -> list[Job]:
        """Jobs whose ``job.json`` is behind."""
        rows = self._db.execute(f"{_SELECT} WHERE exported = 0")
        return [_job(row) for row in rows]

    def set_exported(self, job: Job) -> None:
        """Note that ``job.json`` shows the state of this snapshot."""
        with self._write():
            self._db.execute(
                "UPDATE job SET exported = 1 WHERE id = ? AND state = ?", (job.id, job.state)
            )

    def history(self, job_id: str) -> list[dict[str, object]]:
        """``{"state", "time"}`` of each change, oldest first."""
        rows = self._db.execute(
            "SELECT state, time FROM change WHERE job_id = ? ORDER BY rowid", (job_id,)
        )
        return [{"state": state, "time": when} for state, when in rows]

    def _log(self, job_id: str, state: str, when: float) -> None:
        self._db.execute("INSERT INTO change VALUES (?,?,?)", (job_id, state, when))

    @contextmanager
    def _write(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def _job(row: tuple) -> Job:
    fields = dict(zip(_COLUMNS, row, strict=True))
    fields["params"] = json.loads(fields["params"])
    fields["needs"] = Needs(**json.loads(fields["needs"]))
    fields["run_dir"] = Path(fields["run_dir"])
    return Job(**fields)


def missing(job_id: str) -> NotFound:
    """The one line for a job that is not in the store."""
    return NotFound(f"There is no job {job_id[:80]!r}. List the jobs to see their ids.")


@contextmanager
def open_store() -> Iterator[Store]:
    """Open the store of the state folder, made where it is missing; about 1 ms.

    Raises:
        BadInput: the state folder cannot be written.
        Unreadable: the file is not a job store.
    """
    path = state_folder() / FILE_NAME
    with one_line(path):
        connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
        try:
            _check(connection, path)
            yield Store(connection)
        finally:
            connection.close()


@contextmanager
def one_line(path: Path) -> Iterator[None]:
    """Turn what SQLite raises into an error of one line that says what to do."""
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if "locked" in text:
            raise GpulseError(f"The job store {path} is busy. Try again in a moment.") from None
        if "disk" in text and "full" in text:
            raise GpulseError(f"The disk of {path} is full. Free some space.") from None
        raise unwritable(path.parent, "state", "GPULSE_STATE_DIR", text) from None
    except sqlite3.DatabaseError as error:
        raise _not_a_store(path, str(error)) from None


def _not_a_store(path: Path, why: str) -> BadInput:
    return Unreadable(
        f"{path} is not a job store ({why}). Move it away and a new one is made, "
        "or set GPULSE_STATE_DIR to another folder."
    )


def _check(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        _create(connection, path)
    elif version == 1:
        _change(connection, path, 1, _FROM_1)
    elif version != _VERSION:
        raise _not_a_store(path, f"its version is {version}, this GPUlse reads {_VERSION}")


def _create(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables of a new store."""
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        # Tables without a version: another program's, unless one of us is just done with ours.
        if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
            raise _not_a_store(path, "it holds tables of another program")
        return
    _change(connection, path, 0, _SCHEMA)


def _change(
    connection: sqlite3.Connection, path: Path, version: int, statements: Iterable[str]
) -> None:
    """Bring the tables from ``version`` to the present one, once: a lock file keeps users apart."""
    with path.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if version == 0:
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("PRAGMA user_version").fetchone()[0] == version:
            for statement in statements:
                connection.execute(statement)
        connection.execute("COMMIT")
