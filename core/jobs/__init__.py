"""Jobs: a validated spec, a store that is the truth, and a supervisor that outlives the server.

:func:`make_spec` checks a request, :func:`launch` queues it. The supervisor, a process of its own,
starts each job as a process tree with its own run folder, watches it and ends it. Web server and
supervisor may die at any instant: the next one carries on from the store. Nothing here imports
torch; job processes are started by command line.
"""

from core.jobs.alerts import Alert
from core.jobs.api import (
    alerts,
    ask_profile,
    get,
    launch,
    list_jobs,
    progress,
    read_log,
    stop,
    wait,
)
from core.jobs.daemon import ensure_supervisor
from core.jobs.model import ACTIVE, FINAL, STATES, Job, Progress
from core.jobs.spec import JobSpec, make_spec

__all__ = [
    "ACTIVE",
    "FINAL",
    "STATES",
    "Alert",
    "Job",
    "JobSpec",
    "Progress",
    "alerts",
    "ask_profile",
    "ensure_supervisor",
    "get",
    "launch",
    "list_jobs",
    "make_spec",
    "progress",
    "read_log",
    "stop",
    "wait",
]
