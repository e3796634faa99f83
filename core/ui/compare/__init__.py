"""What the compare page is made of: two runs side by side, and a family as a ladder of gains."""

from core.ui.compare.page import show

__all__ = ["show"]
