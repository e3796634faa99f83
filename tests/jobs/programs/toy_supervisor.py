"""The real supervisor with a table of its own: every kind of job runs ``toy_job``.

``TOY_ENGINE`` chooses the engine; the local one pretends to have ``TOY_GPUS`` GPUs.
"""

import os
import sys

from core.jobs import supervisor
from core.jobs.engines import Engine, Gpu, local, ray, slurm

MODULES = {"train": "toy_job", "profile": "toy_job", "tune": "no_such_module"}


def toy_engine(state) -> Engine:
    """The engine that the environment asks for."""
    if os.environ.get("TOY_ENGINE") == "slurm":
        return slurm.SlurmEngine(state, MODULES)
    if os.environ.get("TOY_ENGINE") == "ray":
        return ray.RayEngine(state, MODULES)
    gpus = tuple(Gpu(str(index)) for index in range(int(os.environ.get("TOY_GPUS", "0"))))
    return local.LocalEngine(state, MODULES, 0.5, lambda: gpus)


if __name__ == "__main__":
    local.LEFTOVER_GRACE_S = 0.3
    sys.exit(supervisor.main(sys.argv[1:], toy_engine))
