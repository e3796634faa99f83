from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ui import format as fmt


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (math.nan, "NaN"),
        (-math.inf, "−∞"),
        (0.5, "0.5"),
        (-0.125, "−0.125"),
        (1234.5, "1,234"),
        (0.00001234, "1.23e−05"),
    ],
)
def test_number(value: float | None, text: str) -> None:
    assert fmt.number(value) == text


def test_signed_has_a_sign_on_differences_only() -> None:
    assert [fmt.signed(v) for v in (0.5, 0.0, -0.5, None)] == ["+0.5", "0", "−0.5", "–"]


def test_nothing_is_quite_certain() -> None:
    assert [fmt.certainty(c) for c in (0.5, 0.99, 0.9951, 1.0)] == [
        "50 %", "99 %", "over 99 %", "over 99 %",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ms", "text"), [(0.25, "250 µs"), (38.2, "38.2 ms"), (1500.0, "1.5 s"), (None, "–")]
)
def test_duration_ms_takes_the_unit_that_reads_best(ms: float | None, text: str) -> None:
    assert fmt.duration_ms(ms) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(7.6, "8 s"), (125, "2 min 05 s"), (3720, "1 h 02 min"), (None, "–"), (59.9, "1 min 00 s")],
)
def test_duration_s(seconds: float | None, text: str) -> None:
    assert fmt.duration_s(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3, "just now"), (300, "5 min ago"), (90000, "1 day ago"), (400000, "4 days ago")],
)
def test_ago(seconds: float, text: str) -> None:
    assert fmt.ago(seconds) == text


@given(st.text())
def test_foreign_text_keeps_its_words_and_loses_its_markup(text: str) -> None:
    escaped = fmt.plain(text)
    assert re.sub(r"\\(.)", r"\1", escaped, flags=re.DOTALL) == text
    assert "](" not in escaped
    assert "<" not in escaped.replace("\\<", "")
