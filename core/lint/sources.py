"""Reading a script: text and syntax tree, or one line that says why not."""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.errors import NotFound, Unreadable

MAX_MIB = 2
"""A longer file is no script that a person wrote."""

_NOTEBOOK = "is a notebook. Save it as a script first: jupyter nbconvert --to script"


@dataclass(frozen=True, slots=True)
class Source:
    """A script that was read.

    Attributes:
        name: as it was given; what records and diffs call it.
        lines: with their ends.
        tree: its syntax tree.
    """

    name: str
    lines: tuple[str, ...]
    tree: ast.Module


def read_file(path: Path, name: str | None = None) -> Source:
    """Read a script from disk.

    Raises:
        NotFound: there is no such file.
        Unreadable: it is not a Python script of a sane size.
    """
    name = name or str(path)
    return read_bytes(content_of(path, name), name)


def content_of(path: Path, name: str) -> bytes:
    """The bytes of a script, one more than :data:`MAX_MIB` allows at most.

    Raises:
        NotFound: there is no such file.
        Unreadable: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(MAX_MIB * 2**20 + 1)
    except FileNotFoundError:
        raise NotFound(f"{name} does not exist. Give a Python script or a folder.") from None
    except (OSError, ValueError) as error:
        raise Unreadable(f"{name} cannot be read: {error}.") from None


def read_bytes(content: bytes, name: str) -> Source:
    """Read a script from its bytes, in the encoding that it declares.

    Raises:
        Unreadable: too large, not text, or not Python 3.
    """
    if len(content) > MAX_MIB * 2**20:
        raise Unreadable(f"{name} is larger than {MAX_MIB} MiB. Give the training script alone.")
    if name.endswith(".ipynb") or (content.lstrip()[:1] == b"{" and b'"cells"' in content):
        raise Unreadable(f"{name} {_NOTEBOOK}")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode(encoding)
    except (SyntaxError, LookupError, UnicodeDecodeError):
        raise Unreadable(f"{name} is not text in UTF-8 or the encoding it declares.") from None
    return read_text(text, name)


def read_text(text: str, name: str) -> Source:
    """Parse a script.

    Raises:
        Unreadable: not Python 3, or nested beyond what Python itself reads.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        raise Unreadable(f"{name} is not Python 3: {where}{error.msg}.") from None
    except (ValueError, RecursionError, MemoryError):
        raise Unreadable(
            f"{name} is not Python 3: it holds NUL characters or nests too deeply."
        ) from None
    return Source(name, tuple(text.split("\n")), tree)


def scripts_below(folder: Path) -> Iterator[Path]:
    """All Python files of a folder, sorted; hidden folders are passed over."""
    for path in sorted(folder.rglob("*.py")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.is_file():
            yield path
