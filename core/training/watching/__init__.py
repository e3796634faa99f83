"""Watching a training loop of the user's own, outside of any job: ``watch`` and what it gives."""

from core.training.watching.run import WatchedRun, watch

__all__ = ["WatchedRun", "watch"]
