"""What the bottlenecks page is made of: the diagnosis of a trace, and a simulator."""

from core.ui.bottlenecks.page import run_view
from core.ui.bottlenecks.simulator import simulator

__all__ = ["run_view", "simulator"]
