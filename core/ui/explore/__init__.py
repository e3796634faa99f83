"""What the runs page is made of: the table of runs, and one view for each kind of data."""

from core.ui.explore.page import show

__all__ = ["show"]
