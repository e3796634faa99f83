"""Jobs of kind ``train`` and ``profile``, from ``job.json`` to the last flush."""

from __future__ import annotations

import logging
from pathlib import Path

from core.errors import BadInput
from core.training.device import choose_device
from core.training.hardware import HardwareSampler
from core.training.job import read_job
from core.training.profile_job import profile_job
from core.training.ranks import joined
from core.training.record import EventLog
from core.training.session import open_session
from core.training.train_job import train_job

_LOG = logging.getLogger(__name__)


def run(folder: Path) -> None:
    """Run the job of a folder in this process, which may be one of several.

    Raises:
        BadInput: the spec cannot be met (unknown workload, device that is not there, …).
        JobFailed: training diverged.
        GpulseError: files cannot be prepared or written.
    """
    job = read_job(folder)
    if job.kind not in ("train", "profile"):
        raise BadInput(f"Kind {job.kind!r} is not for core.training. Use train or profile.")
    device = choose_device(job.device)
    with joined(device) as rank:
        if not rank.first:
            logging.getLogger("core").setLevel(logging.WARNING)
        session = open_session(job, device)
        where = f"{rank.size} processes, {device}" if rank.size > 1 else str(device)
        _LOG.info("%s %s on %s", job.kind, job.workload, where)
        with EventLog(folder, not rank.first) as log, HardwareSampler(log.scalar, device):
            log.start(session.config, {"Loss/val": float("nan")} if job.kind == "train" else {})
            if job.kind == "train":
                train_job(session, log)
            else:
                profile_job(session, log)
