"""Numbers as people read them: every figure with its unit, never an SI prefix on a ratio."""

from __future__ import annotations

import math

DASH = "–"


def number(value: float | None, digits: int = 3) -> str:
    """A bare number with ``digits`` significant digits; NaN and None as words."""
    if value is None:
        return DASH
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    whole = 10**digits <= abs(value) < 1e9
    text = f"{value:,.0f}" if whole else f"{value:.{digits}g}"
    return text.replace("-", "−")


def signed(value: float | None, digits: int = 3) -> str:
    """A number with its sign, for differences."""
    text = number(value, digits)
    return text if value is None or value <= 0 or math.isnan(value) else f"+{text}"


def percent(value: float | None, digits: int = 0) -> str:
    """``value`` in per cent (0 to 100)."""
    return DASH if value is None or math.isnan(value) else f"{value:.{digits}f} %"


def certainty(share: float) -> str:
    """A probability (0 to 1) in per cent; never 100 %, which no measurement gives."""
    return "over 99 %" if share > 0.99 else percent(100 * share)


def duration_ms(value: float | None) -> str:
    """Milliseconds in the unit that reads best: µs, ms or s."""
    if value is None or math.isnan(value):
        return DASH
    if abs(value) < 1:
        return f"{value * 1e3:.0f} µs"
    if abs(value) < 1e3:
        return f"{value:.3g} ms"
    return f"{value / 1e3:.3g} s"


def duration_s(value: float | None) -> str:
    """Seconds as ``8 s``, ``2 min 05 s`` or ``1 h 02 min``."""
    if value is None or math.isnan(value):
        return DASH
    whole = round(max(value, 0.0))
    if whole < 60:
        return f"{whole} s"
    minutes, seconds = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def ago(seconds: float) -> str:
    """How long ago, in words: ``just now``, ``5 min ago``, ``3 h ago``, ``2 days ago``."""
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min ago"
    if seconds < 86400:
        return f"{seconds // 3600:.0f} h ago"
    days = seconds // 86400
    return f"{days:.0f} day{'s' if days != 1 else ''} ago"


def plain(text: str) -> str:
    """Escape Markdown and Streamlit directives in text that is not ours (names, log lines)."""
    for mark in "\\`*_{}[]()<>#$|~:!":
        text = text.replace(mark, "\\" + mark)
    return text
