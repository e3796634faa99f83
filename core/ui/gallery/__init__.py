"""What the gallery page is made of: one killer at a time, from its code to the proof of its fix."""

from core.ui.gallery.page import show

__all__ = ["show"]
