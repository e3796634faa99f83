"""Launches one job as a web server would, then its whole process group is killed."""

import os
import signal
import sys

from core import jobs
from core.jobs import daemon

if __name__ == "__main__":
    program = sys.argv[1]
    daemon.supervisor_argv = lambda lock: [sys.executable, program, "--lock", str(lock)]
    spec = jobs.JobSpec(kind="train", workload="digits", params={"sleep": 0.8})
    sys.stdout.write(jobs.launch(spec).id)
    sys.stdout.flush()
    os.killpg(0, signal.SIGKILL)
