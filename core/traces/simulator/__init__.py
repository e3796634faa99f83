"""A training step on a host and one device, simulated, written as Kineto JSON.

The host works through a step in order (fetch a batch, copy it, allocate, launch the kernels of
forward, backward and optimizer, read the loss back if asked to); the device works through its
queues in order. From these rules the bubbles follow; none is drawn by hand. The trace goes through
the same loader and diagnosis as a real one.
"""

from core.traces.simulator.run import simulate, simulate_trace
from core.traces.simulator.settings import SimulatorSettings

__all__ = ["SimulatorSettings", "simulate", "simulate_trace"]
