"""``job.json`` as the job process sees it: read the spec, add what only this process knows."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pynvml
import torch

import core
from core.errors import NotFound, Unreadable
from core.training.files import write_json
from core.workloads.fields import core_count


@dataclass(frozen=True, slots=True)
class JobFile:
    """The spec of a job and the folder it runs in.

    Attributes:
        resume_from: checkpoint to go on from, "" for a fresh start.
        attempt: from 1; a lost job may be begun again.
    """

    folder: Path
    kind: str
    workload: str
    params: dict[str, Any]
    device: str
    resume_from: str = ""
    attempt: int = 1

    def note_start(self, device_used: str, device_name: str) -> None:
        """Add the device and the versions to ``job.json``, keeping all else.

        Called before the first ``progress.json``: from then on the supervisor writes the file.
        """
        used = {"device_used": device_used, "device_name": device_name}
        write_json(self.folder / "job.json", {**_read(self.folder), **used, **surroundings()})


def surroundings() -> dict[str, Any]:
    """What a training runs in, as in ``job.json``: ``versions`` and ``environment``."""
    versions = {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "cuda": torch.version.cuda,
        "numpy": np.__version__,
        "gpulse": core.__version__,
    }
    environment = {
        "host": platform.node(),
        "system": platform.platform(),
        "cores": core_count(),
        "driver": _driver(),
        "packages": _packages(),
    }
    return {"versions": versions, "environment": environment}


def _driver() -> str | None:
    """Version of NVIDIA's driver, where there is one."""
    try:
        pynvml.nvmlInit()
        version = pynvml.nvmlSystemGetDriverVersion()
        pynvml.nvmlShutdown()
    except pynvml.NVMLError:
        return None
    return version.decode() if isinstance(version, bytes) else str(version)


def _packages() -> dict[str, str]:
    """Every installed distribution and its version."""
    found = {d.metadata["Name"]: d.version for d in metadata.distributions() if d.metadata["Name"]}
    return dict(sorted(found.items(), key=lambda pair: pair[0].lower()))


def _read(folder: Path) -> dict[str, Any]:
    path = folder / "job.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise NotFound(f"{path} cannot be read. Start jobs with python -m core launch.") from None
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise Unreadable(f"{path} is not a JSON object. Start the job again.")
    return content


def read_job(folder: Path) -> JobFile:
    """The spec in a run folder.

    Raises:
        NotFound: there is no ``job.json``.
        Unreadable: it does not hold a job.
    """
    content = _read(folder)
    try:
        return JobFile(
            folder=folder,
            kind=str(content["kind"]),
            workload=str(content["workload"]),
            params=dict(content.get("params") or {}),
            device=str(content.get("device") or "auto"),
            resume_from=str(content.get("resume_from") or ""),
            attempt=int(content.get("attempt") or 1),
        )
    except (KeyError, TypeError, ValueError):
        raise Unreadable(f"{folder / 'job.json'} holds no job. Start the job again.") from None
