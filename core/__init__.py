"""GPUlse: is this run learning, why does its GPU idle, what to change, and how much it gives."""

__version__ = "0.1.0"
