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
    record,
    set_note,
    stop,
    wait,
)
from core.jobs.artefacts import Artefact, artefacts
from core.jobs.autopsy import died_of
from core.jobs.daemon import ensure_supervisor
from core.jobs.model import ACTIVE, FINAL, STATES, Job, Needs, Progress
from core.jobs.recorded import from_record
from core.jobs.spec import JobSpec, make_spec
from core.jobs.sweep import drawn, grid, launch_family

__all__ = [
    "ACTIVE",
    "FINAL",
    "STATES",
    "Alert",
    "Artefact",
    "Job",
    "JobSpec",
    "Needs",
    "Progress",
    "alerts",
    "artefacts",
    "ask_profile",
    "died_of",
    "drawn",
    "ensure_supervisor",
    "from_record",
    "get",
    "grid",
    "launch",
    "launch_family",
    "list_jobs",
    "make_spec",
    "progress",
    "read_log",
    "record",
    "set_note",
    "stop",
    "wait",
]
