"""What the dynamics page is made of: one run with its slider, several beside each other, theory."""

from core.ui.dynamics.page import run_view
from core.ui.dynamics.several import several_view
from core.ui.dynamics.theory import simulator

__all__ = ["run_view", "several_view", "simulator"]
