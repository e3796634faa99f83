"""What a job process sets up before torch is imported: environment variables and the log."""

from __future__ import annotations

import logging
import os
import sys

DEFAULTS = {
    # With GNU OpenMP's default, threads that wait for another spin. On a machine shared with
    # other jobs the one waited for may not be running: epochs of digits took up to 10 times as
    # long on 2 busy cores, with PASSIVE never more than 1.6 times.
    "OMP_WAIT_POLICY": "PASSIVE",
    # Kineto tells stderr about each start and stop of the profiler; the log is for the user.
    "KINETO_LOG_LEVEL": "99",
}


def prepare_environment() -> None:
    """Set what is not set yet; what the user has set stays."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)


def open_log() -> None:
    """Send what this project's loggers say to stderr, the job's log, with the time of day."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    log = logging.getLogger("core")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
