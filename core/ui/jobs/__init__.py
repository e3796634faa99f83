"""What the jobs page is made of: the launch form, the queue, and one job in full."""

from core.ui.jobs.board import board
from core.ui.jobs.form import launch_form

__all__ = ["board", "launch_form"]
