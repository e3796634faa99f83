"""Pieces of HTML: what comes in is text, what goes out is escaped."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff\ud800-\udfff]")
_NAME_LENGTH = 160
_LINE_LENGTH = 400


def text(value: object) -> str:
    """Any text escaped for content and quoted attributes; control characters become ``�``."""
    return html.escape(_CONTROL.sub("�", str(value)))


def name(value: str) -> str:
    """A name out of a trace: cut, escaped, and kept from reordering its neighbours."""
    return f"<bdi>{text(cut(value, _NAME_LENGTH))}</bdi>"


def cut(value: str, most: int = _LINE_LENGTH) -> str:
    """Text out of a file, at most so many characters of it."""
    return value if len(value) <= most else f"{value[: most - 1]}…"


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


def cards(figures: Iterable[tuple[str, str, str]]) -> str:
    """Figures side by side: (what, value, a note or "")."""
    boxes = [
        f"<div><span>{text(what)}</span><b>{text(value)}</b>{tag('em', text(note)) if note else ''}"
        "</div>"
        for what, value, note in figures
    ]
    return tag("div", "".join(boxes), "figures")


def facts(rows: Iterable[tuple[str, str]], kind: str = "") -> str:
    """Names and values side by side where there is room; values are markup, "" leaves one out."""
    lines = [f"<div><dt>{text(what)}</dt><dd>{value}</dd></div>" for what, value in rows if value]
    return tag("dl", "".join(lines), f"facts {kind}".rstrip()) if lines else ""


def badge(word: str, kind: str) -> str:
    """A word in a frame of its own colour."""
    return tag("span", text(word), f"badge {kind}")


def folded(title: str, body: str) -> str:
    """Markup behind its title, opened by a press."""
    return tag("details", tag("summary", text(title)) + body)


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


def number(value: float | None, digits: int = 4) -> str:
    """A bare number with ``digits`` significant digits; NaN and infinities as words."""
    if value is None:
        return "–"
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "−∞"
    whole = 10**digits <= abs(value) < 1e9
    return f"{value:,.{0 if whole else digits}{'f' if whole else 'g'}}".replace("-", "−")


def duration(seconds: float | None) -> str:
    """Seconds as ``8.3 s``, ``2 min 05 s`` or ``1 h 02 min``."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    if seconds < 60:
        return f"{max(seconds, 0.0):.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes:02d} min"


def instant(seconds: float | None) -> str:
    """Seconds since the epoch as a date and time of day; "" for what no calendar has."""
    if seconds is None or not 0 < seconds < 2.5e11:
        return ""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def count(number: int, word: str) -> str:
    """``1 step``, ``2,000 steps``."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"
