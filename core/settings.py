"""The one place for configuration: environment variables GPULSE_*.

Settings are read anew at every call of :func:`settings` (about a millisecond), so that a test or
a long-lived server sees a change of the environment at once.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from core.errors import BadInput


class Settings(BaseSettings):
    """What an administrator may set.

    Attributes:
        roots: folders that pages and URLs may read (``GPULSE_ROOTS``, separated as in ``PATH``).
        runs_dir: where jobs write (``GPULSE_RUNS_DIR``); always readable as a root too.
        state_dir: job store, caches and built-in data (``GPULSE_STATE_DIR``); never a log folder.
        workloads: allow-list of the user's own ``package.module:workload`` entry points.
        engine: who runs the jobs.
        cpu_slots: jobs that may run at the same time on this machine.
        cache_mib: disk space for what was read from event files, in the state folder.
        memory_mib: memory that a server spends on keeping event files that are in use.
        idle_exit_s: seconds without work after which the supervisor ends itself.
    """

    model_config = SettingsConfigDict(env_prefix="GPULSE_", frozen=True, extra="ignore")

    roots: Annotated[tuple[Path, ...], NoDecode] = (Path("runs"),)
    runs_dir: Path = Path("runs")
    state_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_state_dir("gpulse", appauthor=False))
    )
    workloads: Annotated[tuple[str, ...], NoDecode] = ()
    engine: Literal["local"] = "local"
    cpu_slots: int = Field(default=1, ge=1, le=1024)
    cache_mib: int = Field(default=4096, ge=1)
    memory_mib: int = Field(default=768, ge=1)
    idle_exit_s: float = Field(default=30.0, ge=0.0)

    @field_validator("roots", mode="before")
    @classmethod
    def _split_roots(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part for part in value.split(os.pathsep) if part.strip())
        return value

    @field_validator("workloads", mode="before")
    @classmethod
    def _split_workloads(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @property
    def all_roots(self) -> tuple[Path, ...]:
        """The folders that may be read, absolute, the runs folder first, each once."""
        return tuple(dict.fromkeys(p.expanduser().absolute() for p in (self.runs_dir, *self.roots)))


def settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        BadInput: a GPULSE_* variable does not hold what it should.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "GPULSE_" + "_".join(str(part) for part in first["loc"][:1]).upper()
        raise BadInput(f"{name} is not usable: {first['msg']}. Correct or unset it.") from None
