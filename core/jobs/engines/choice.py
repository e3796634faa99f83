"""The engine that the settings name."""

from __future__ import annotations

from pathlib import Path

from core.jobs.engines import Engine
from core.jobs.engines.local import LocalEngine
from core.jobs.engines.ray import RayEngine
from core.jobs.engines.slurm import SlurmEngine
from core.settings import settings


def make_engine(state: Path) -> Engine:
    """The engine of ``GPULSE_ENGINE``, over a state folder."""
    if settings().engine == "slurm":
        return SlurmEngine(state)
    if settings().engine == "ray":
        return RayEngine(state)
    return LocalEngine(state)
