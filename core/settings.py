"""The one place for configuration: environment variables GPULSE_*.

Settings are read anew at every call of :func:`settings` (about a millisecond), so that a test or
a long-lived server sees a change of the environment at once.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from core.errors import BadInput

_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]+://"
_SEPARATOR = re.escape(os.pathsep)
_ROOT = re.compile(
    # A URL with what may stand before its path: user:password@, host, :port. Or a folder.
    rf"{_SCHEME}(?:[^{_SEPARATOR}/@]*(?:{_SEPARATOR}[^{_SEPARATOR}/@]*)?@)?[^{_SEPARATOR}/]*"
    rf"(?:{_SEPARATOR}\d+(?=[/{_SEPARATOR}]|$))?[^{_SEPARATOR}]*|[^{_SEPARATOR}]+"
)


def is_url(text: str) -> bool:
    """Whether this names a remote folder (``s3://bucket/logs``) and not a path."""
    return re.match(_SCHEME, text) is not None


def shown_url(url: str) -> str:
    """The URL as it may be shown and stored: without its password, without a slash at its end."""
    shown = re.sub(rf"^({_SCHEME}[^/@:]*):[^/@]*@", r"\1:***@", url)
    return re.sub(r"(?<![/:])/+$", "", shown)


class Settings(BaseSettings):
    """What an administrator may set.

    Attributes:
        roots: folders, or URLs of remote ones, that pages may read (``GPULSE_ROOTS``, separated
            as in ``PATH``); see :attr:`all_roots` and :attr:`remotes`.
        runs_dir: where jobs write (``GPULSE_RUNS_DIR``); always readable as a root too.
        state_dir: job store, caches, built-in data and the mirrors of remote folders
            (``GPULSE_STATE_DIR``); never a log folder.
        scripts: folders with training scripts that the script doctor may read besides the roots
            (``GPULSE_SCRIPTS``, separated as in ``PATH``).
        workloads: allow-list of the user's own ``package.module:workload`` entry points.
        engine: who runs the jobs: this machine, or a Slurm or Ray cluster that shares the runs
            folder.
        ray_address: the dashboard of the Ray cluster's head node.
        slurm_options: further options of ``sbatch`` (``-p gpu -A project``).
        cpu_slots: cores that jobs on this machine may keep for themselves, one each unless they
            ask for more: the number of jobs at the same time.
        cache_mib: disk space for what was read from event files and traces, in the state folder.
        memory_mib: memory that a server spends on keeping event files that are in use.
        idle_exit_s: seconds without work after which the supervisor ends itself.
        webhook_url: http or https URL to which jobs post their alerts; "" posts nothing.
        remote_file_gib: GiB; a larger file of a remote folder is not fetched.
        remote_total_gib: GiB that the mirror of one remote folder may take; the oldest files
            beyond it are not fetched.
        trace_gib: GiB of text, unpacked, beyond which a trace is refused.
        trace_entry_mib: MiB beyond which one entry of a trace is refused.
        trace_depth: levels of nesting beyond which a trace is refused.
        trace_spans: spans beyond which a trace is refused (some 100 bytes of memory each).
    """

    model_config = SettingsConfigDict(env_prefix="GPULSE_", frozen=True, extra="ignore")

    roots: Annotated[tuple[str, ...], NoDecode] = ("runs",)
    runs_dir: Path = Path("runs")
    state_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_state_dir("gpulse", appauthor=False))
    )
    scripts: Annotated[tuple[Path, ...], NoDecode] = ()
    workloads: Annotated[tuple[str, ...], NoDecode] = ()
    engine: Literal["local", "slurm", "ray"] = "local"
    slurm_options: str = ""
    ray_address: str = "http://127.0.0.1:8265"
    cpu_slots: int = Field(default=1, ge=1, le=1024)
    cache_mib: int = Field(default=4096, ge=1)
    memory_mib: int = Field(default=768, ge=1)
    idle_exit_s: float = Field(default=30.0, ge=0.0)
    webhook_url: str = ""
    remote_file_gib: float = Field(default=2.0, gt=0.0)
    remote_total_gib: float = Field(default=20.0, gt=0.0)
    trace_gib: float = Field(default=16.0, gt=0.0)
    trace_entry_mib: int = Field(default=64, ge=1)
    trace_depth: int = Field(default=512, ge=1)
    trace_spans: int = Field(default=50_000_000, ge=1)

    @field_validator("roots", mode="before")
    @classmethod
    def _split_roots(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part for part in _ROOT.findall(value) if part.strip())
        return value

    @field_validator("scripts", mode="before")
    @classmethod
    def _split_scripts(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(Path(part).expanduser() for part in value.split(os.pathsep) if part)
        return value

    @field_validator("workloads", mode="before")
    @classmethod
    def _split_workloads(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @property
    def remotes(self) -> tuple[str, ...]:
        """The URLs among the roots, each once."""
        return tuple(dict.fromkeys(root for root in self.roots if is_url(root)))

    @property
    def all_roots(self) -> tuple[Path, ...]:
        """The folders that may be read, absolute, the runs folder first, each once.

        A remote folder is here as its mirror, which is there once it was fetched.
        """
        places = (self.mirror(root) if is_url(root) else Path(root) for root in self.roots)
        return tuple(dict.fromkeys(p.expanduser().absolute() for p in (self.runs_dir, *places)))

    @property
    def shown_roots(self) -> tuple[str, ...]:
        """:attr:`all_roots` in the words of who set them: remote folders as their URLs."""
        remotes = {self.mirror(url): shown_url(url) for url in self.remotes}
        return tuple(remotes.get(root, str(root)) for root in self.all_roots)

    def mirror(self, url: str) -> Path:
        """The folder, absolute, that holds what was fetched of a remote folder."""
        shown = shown_url(url)
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", shown)[:60]
        digest = hashlib.sha256(shown.encode()).hexdigest()[:12]
        return self.state_dir.expanduser().absolute() / "remote" / f"{name}-{digest}"


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
