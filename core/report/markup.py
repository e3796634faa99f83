"""Pieces of HTML: what comes in is text, what goes out is escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff\ud800-\udfff]")
_NAME_LENGTH = 160


def text(value: object) -> str:
    """Any text escaped for content and quoted attributes; control characters become ``�``."""
    return html.escape(_CONTROL.sub("�", str(value)))


def name(value: str) -> str:
    """A name out of a trace: cut, escaped, and kept from reordering its neighbours."""
    cut = value if len(value) <= _NAME_LENGTH else f"{value[: _NAME_LENGTH - 1]}…"
    return f"<bdi>{text(cut)}</bdi>"


def tag(element: str, content: str, kind: str = "") -> str:
    """An element around markup."""
    attribute = f' class="{text(kind)}"' if kind else ""
    return f"<{element}{attribute}>{content}</{element}>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are markup, and all but the first column are figures."""
    titles = "".join(tag("th", text(title)) for title in head)
    lines = [
        tag("tr", "".join(tag("td", cell, "" if not i else "n") for i, cell in enumerate(row)))
        for row in rows
    ]
    if not lines:
        return ""
    body = f"<thead><tr>{titles}</tr></thead><tbody>{''.join(lines)}</tbody>"
    return tag("div", tag("table", body), "scroll")


def bars(rows: Iterable[tuple[str, float, str, str]]) -> str:
    """Horizontal bars: (words, length, colour, figure in words); the longest fills the width."""
    found = list(rows)
    longest = max((length for _, length, _, _ in found), default=0) or 1.0
    lines = [
        f'<div class="bar"><span>{text(words)}</span>'
        f'<i><b style="width:{100 * length / longest:.2f}%;background:{text(colour)}"></b></i>'
        f"<em>{text(figure)}</em></div>"
        for words, length, colour, figure in found
    ]
    return tag("div", "".join(lines), "bars")


def ms(value: float | None) -> str:
    """Milliseconds in the unit that reads best."""
    if value is None:
        return "–"
    if abs(value) < 1:
        return f"{1e3 * value:.0f} µs"
    return f"{value:.3g} ms" if abs(value) < 1e3 else f"{value / 1e3:.3g} s"


def percent(value: float | None, digits: int = 1) -> str:
    """Per cent, 0 to 100."""
    return "–" if value is None else f"{value:.{digits}f} %"
