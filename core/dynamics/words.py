"""How shares are written in sentences."""

from __future__ import annotations


def percent(share: float, digits: int = 0, *, sign: bool = False) -> str:
    """A share (1.0 = all) in per cent with a space before the sign: ``57 %``, ``+6.4 %``."""
    return f"{100 * share:{'+' if sign else ''}.{digits}f} %"
