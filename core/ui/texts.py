"""The one catalogue of what the screen says: ``t("key")`` looks a sentence up in texts.en.toml."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

_CATALOGUE = Path(__file__).parent / "texts.en.toml"


@cache
def catalogue() -> dict[str, str]:
    """All sentences by key (``table.name`` of the TOML file)."""
    content = tomllib.loads(_CATALOGUE.read_text(encoding="utf-8"))
    return {
        f"{table}.{name}": sentence
        for table, rows in content.items()
        for name, sentence in rows.items()
    }


def t(key: str, **values: object) -> str:
    """The sentence of a key with ``{name}`` replaced by the values.

    Raises:
        KeyError: the catalogue has no such key, or the sentence needs a value that is not given.
    """
    sentence = catalogue()[key]
    return sentence.format(**values) if values else sentence
