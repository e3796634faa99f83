"""Jobs of kind ``train`` and ``profile``, from ``job.json`` to the last flush."""

from __future__ import annotations

import logging
from pathlib import Path

from core.errors import BadInput
from core.training.hardware import HardwareSampler
from core.training.job import read_job
from core.training.profile_job import profile_job
from core.training.record import EventLog
from core.training.session import open_session
from core.training.train_job import train_job

_LOG = logging.getLogger(__name__)


def run(folder: Path) -> None:
    """Run the job of a folder in this process.

    Raises:
        BadInput: the spec cannot be met (unknown workload, missing device, …).
        JobFailed: training diverged.
        GpulseError: files cannot be prepared or written.
    """
    job = read_job(folder)
    if job.kind not in ("train", "profile"):
        raise BadInput(f"Kind {job.kind!r} is not for core.training. Use train or profile.")
    session = open_session(job)
    _LOG.info("%s %s on %s", job.kind, job.workload, session.device)
    with EventLog(folder) as log, HardwareSampler(log.scalar, session.device):
        log.start(session.config, {"Loss/val": float("nan")} if job.kind == "train" else {})
        if job.kind == "train":
            train_job(session, log)
        else:
            profile_job(session, log)
