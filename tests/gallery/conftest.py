"""Entries of the gallery, read once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from core import gallery
from core.gallery import Case, Entry


@pytest.fixture(scope="session")
def case_of() -> Callable[[Entry], Case]:
    """Both traces of an entry, diagnosed and compared."""
    load = cache(lambda key: gallery.load(gallery.get(key)))
    return lambda entry: load(entry.key)
