"""What the bottlenecks page is made of: the diagnosis of a trace, two side by side, a simulator."""

from core.ui.bottlenecks.comparing import compare_view
from core.ui.bottlenecks.page import run_view
from core.ui.bottlenecks.simulator import simulator

__all__ = ["compare_view", "run_view", "simulator"]
