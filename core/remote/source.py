"""One remote folder through fsspec: listing it, reading byte ranges, errors in one line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.errors import BadInput, GpulseError, NotAllowed, NotFound, Unreadable
from core.runs import MAX_DEPTH, is_run_file
from core.settings import shown_url

_EXTRAS = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "abfs": "adlfs",
    "az": "adlfs",
    "sftp": "paramiko",
    "ssh": "paramiko",
    "http": "aiohttp",
    "https": "aiohttp",
}
"""The package that speaks each scheme."""

_S3 = {"config_kwargs": {"connect_timeout": 5, "read_timeout": 30, "retries": {"max_attempts": 1}}}
_OPTIONS: dict[str, dict[str, Any]] = {"s3": _S3, "s3a": _S3}
"""Options of a backend whose own patience (a minute for each try) is too long for a page."""

_TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified", "created")
_TAGS = ("ETag", "etag", "generation", "md5Hash", "content_md5", "checksum", *_TIMES)

_MAX_PART_BYTES, _MAX_NAME_BYTES = 255, 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """One remote file.

    Attributes:
        name: path below the remote folder, in parts that are safe as file names here.
        address: what the backend calls it.
        size: bytes when it was listed.
        tag: changes whenever the content does (ETag, generation or a time).
        mtime_ns: modification time in ns since the epoch, None where the backend tells none.
    """

    name: str
    address: str
    size: int
    tag: str
    mtime_ns: int | None


@dataclass(frozen=True, slots=True)
class Listing:
    """The run files of a remote folder.

    Attributes:
        entries: sorted by name.
        refused: names that cannot be file names here, or lead out of the folder.
        single: the URL names a file, the only entry, not a folder.
    """

    entries: tuple[Entry, ...]
    refused: tuple[str, ...] = ()
    single: bool = False


class Source:
    """An open remote folder."""

    def __init__(self, url: str) -> None:
        """Open it; nothing is read yet.

        Raises:
            BadInput: the package for its scheme is missing, or nothing knows the scheme.
        """
        self._url = url
        scheme = url.partition("://")[0].lower()
        with _one_line(url):
            import fsspec

            # A cached instance would keep the credentials, or their absence, of its first use.
            self._fs, base = fsspec.url_to_fs(
                url, skip_instance_cache=True, **_OPTIONS.get(scheme, {})
            )
        self._base = base.rstrip("/")

    def listing(self) -> Listing:
        """What is there now. Hidden folders and links are passed over.

        Raises:
            GpulseError: it cannot be listed, or there is nothing; one line says why.
        """
        entries: dict[str, Entry] = {}
        refused: list[str] = []
        with _one_line(self._url):
            self._fs.invalidate_cache()
            found = self._fs.find(self._base, detail=True)
            if not found:
                self._fs.info(self._base)
            single = list(found) == [self._base]
            for address, info in found.items():
                name = address.rpartition("/")[2] if single else self._below(address)
                if not single and not _wanted(name):
                    continue
                # Some backends tell nothing about a single file, or no sizes, in a listing.
                told = info if isinstance(info.get("size"), int) else self._fs.info(address)
                if told.get("type") != "file" or told.get("islink"):
                    continue
                if _is_safe(name):
                    entries[name] = _entry(name, address, told)
                else:
                    refused.append(name)
        for name in _folders_of(entries) & entries.keys():
            del entries[name]
            refused.append(name)
        ordered = tuple(entries[name] for name in sorted(entries))
        return Listing(ordered, tuple(refused), single)

    def read(self, entry: Entry, start: int, end: int) -> bytes:
        """Bytes ``start`` to ``end`` of a file, fewer where it has become shorter.

        Raises:
            GpulseError: it cannot be read; NotFound where it is gone.
        """
        with _one_line(self._url):
            return self._fs.cat_file(entry.address, start=start, end=end)

    def _below(self, address: str) -> str:
        return address.removeprefix(self._base).removeprefix("/")


def _wanted(name: str) -> bool:
    """A run file that is neither hidden nor deeper than :func:`core.runs.discover` looks."""
    *folders, last = name.split("/")
    hidden = any(re.match(r"\.[^.]", folder) for folder in folders)
    return is_run_file(last) and not hidden and len(folders) <= MAX_DEPTH


def _is_safe(name: str) -> bool:
    """Whether a remote name can be a path below the mirror, and nothing else."""
    if "\\" in name or not name.isprintable() or len(name.encode()) > _MAX_NAME_BYTES:
        return False
    parts = name.split("/")
    return all(part not in ("", ".", "..") and len(part.encode()) <= _MAX_PART_BYTES
               for part in parts)  # fmt: skip


def _folders_of(names: Iterable[str]) -> set[str]:
    """All folders that names lie in. Object stores allow a file ``a`` beside ``a/b``."""
    folders: set[str] = set()
    for name in names:
        parts = name.split("/")
        folders |= {"/".join(parts[:depth]) for depth in range(1, len(parts))}
    return folders


def _entry(name: str, address: str, info: Mapping[str, Any]) -> Entry:
    tag = next((str(info[key]) for key in _TAGS if info.get(key) is not None), "")
    when = next((info[key] for key in _TIMES if info.get(key) is not None), None)
    return Entry(name, address, int(info["size"]), tag, _nanoseconds(when))


def _nanoseconds(when: object) -> int | None:
    """A time as backends tell it (seconds, datetime, ISO 8601 text) in ns since the epoch."""
    if isinstance(when, str):
        try:
            when = datetime.fromisoformat(when)
        except ValueError:
            return None
    if isinstance(when, datetime):
        when = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    return int(when * 1e9) if isinstance(when, (int, float)) else None


@contextmanager
def _one_line(url: str) -> Iterator[None]:
    """Turn whatever a backend raises (they share no base class) into an error of one line."""
    try:
        yield
    except GpulseError:
        raise
    except Exception as error:
        raise _in_words(url, error) from error


def _in_words(url: str, error: Exception) -> BadInput:
    shown, scheme = shown_url(url), url.partition("://")[0].lower()
    # The query of a URL says nothing to a reader, and may hold a signature.
    text = re.sub(r"\?[^\s\"']*", "", " ".join(str(error).split()).replace(url, shown))
    text = text[:160].rstrip(".")
    if isinstance(error, ImportError):
        extra = _EXTRAS.get(scheme, "fsspec")
        return BadInput(f"{scheme}:// needs an extra: pip install {extra}")
    if isinstance(error, ValueError) and "Protocol not known" in text:
        return BadInput(f"{scheme}:// is not an address that fsspec knows. Correct {shown}.")
    if isinstance(error, FileNotFoundError):
        return NotFound(f"There is nothing at {shown}. Correct the address, or log there first.")
    if isinstance(error, PermissionError):
        return NotAllowed(f"{shown} may not be read ({text or 'denied'}). Check the credentials.")
    if "Credential" in type(error).__name__:
        return NotAllowed(
            f"There are no credentials for {shown}. Set them as for its own tools "
            "(S3: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; public: FSSPEC_S3_ANON=true)."
        )
    reason = text or type(error).__name__
    return Unreadable(f"{shown} cannot be reached ({reason}). Check the address and the network.")
