"""Which folder a watched run writes into: a new one each time, the same one for all its ranks."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch.distributed as dist
from torch.utils.data import DataLoader

from core.runs import read_job
from core.training.ranks import Rank

_LAUNCH = ("MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT")


def _numbered(wanted: Path, number: int) -> Path:
    return wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")


def claim(wanted: Path) -> Path:
    """Make this folder; where it is there and not empty, the first free of ``-2``, ``-3``, ….

    Raises:
        OSError: no folder can be made there.
    """
    for number in itertools.count(1):
        folder = _numbered(wanted, number)
        try:
            folder.mkdir(parents=True)
            break
        except FileExistsError:
            if folder.is_dir() and not any(folder.iterdir()):
                break
    return folder


def claimed(wanted: Path, launch: str) -> Path | None:
    """The newest folder that rank 0 of a launch has claimed; None before it has."""
    found: list[tuple[float, Path]] = []
    for number in itertools.count(1):
        folder = _numbered(wanted, number)
        if not folder.exists():
            break
        job = read_job(folder) or {}
        if job.get("launch") == launch:
            found.append((float(job.get("started") or 0.0), folder))
    return max(found)[1] if found else None


def launch() -> str:
    """What the ranks of one launch have in common, and no other launch at the same time."""
    return "/".join(os.environ.get(name, "") for name in _LAUNCH)


def rank_of_this() -> Rank:
    """Which process of how many this is: by the process group, else by RANK and WORLD_SIZE."""
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if dist.is_available() and dist.is_initialized():
        return Rank(dist.get_rank(), dist.get_world_size(), local)
    if "RANK" in os.environ and "WORLD_SIZE" in os.environ:
        return Rank(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]), local)
    return Rank()


def script() -> str:
    """The file name of the user's script."""
    return Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "python"


def settings_of(loader: Any) -> dict[str, Any]:
    """The arguments of a DataLoader that change its speed; {} for anything else."""
    if not isinstance(loader, DataLoader):
        return {}
    names = ("batch_size", "num_workers", "pin_memory", "persistent_workers", "prefetch_factor")
    return {name: getattr(loader, name) for name in names}


def size_of(loader: Any) -> int | None:
    """Samples in the dataset behind a loader, None where it does not say."""
    try:
        return len(loader.dataset)
    except (AttributeError, TypeError):
        return None


def plain(config: Mapping[str, Any] | None) -> dict[str, Any]:
    """Parameters as JSON has them: what is no number, truth value or text becomes text."""
    return {str(name): _plain(value) for name, value in (config or {}).items()}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    finite = isinstance(value, float) and abs(value) < float("inf")
    return value if finite else str(value)
