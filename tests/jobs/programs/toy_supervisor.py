"""The real supervisor with a table of its own: every kind of job runs ``toy_job``."""

import sys

from core.jobs import supervisor
from core.jobs.engines import local

MODULES = {"train": "toy_job", "profile": "toy_job", "tune": "no_such_module"}

if __name__ == "__main__":
    local.LEFTOVER_GRACE_S = 0.3
    sys.exit(supervisor.main(sys.argv[1:], lambda state: local.LocalEngine(state, MODULES, 0.5)))
