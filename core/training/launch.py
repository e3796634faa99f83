"""``python -m core.training.launch PROCESSES NODES RUN_DIR``: the processes of one node.

torch elastic (what torchrun runs) starts ``core.training`` so many times and ends all of them when
one fails. Several nodes meet at the first one of the Slurm job.
"""

from __future__ import annotations

import os
import sys

from core.workloads.fields import core_count

PORT_BASE, PORTS = 20_000, 20_000


def options(processes: int, nodes: int, run_dir: str) -> list[str]:
    """torchrun's arguments on this node."""
    words = [f"--nproc-per-node={processes}"]
    if nodes == 1:
        words.append("--standalone")
    else:
        job = os.environ.get("SLURM_JOB_ID", "0")
        port = PORT_BASE + int(job) % PORTS
        words += [f"--nnodes={nodes}", f"--rdzv-id={job}", "--rdzv-backend=c10d"]
        words.append(f"--rdzv-endpoint={_first_node()}:{port}")
    return [*words, "-m", "core.training", run_dir]


def _first_node() -> str:
    """Address of the node on which srun was started: the first one of the job."""
    return os.environ.get("SLURM_LAUNCH_NODE_IPADDR", "localhost")


def main(argv: list[str]) -> int:
    """Run the processes; the exit code of the first that failed, which has said why."""
    if len(argv) != 3 or not (argv[0].isdigit() and argv[1].isdigit()):
        sys.stderr.write("error: usage: python -m core.training.launch PROCESSES NODES RUN_DIR\n")
        return 2
    processes, nodes = int(argv[0]), int(argv[1])
    # The job sets its threads itself; without this torch elastic takes one and warns about it.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, core_count() // processes)))
    # Only now: the environment must be ready before torch is imported.
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import parse_args, run

    try:
        run(parse_args(options(processes, nodes, argv[2])))
    except ChildFailedError as error:
        code = error.get_first_failure()[1].exitcode
        return code if code > 0 else 128 - code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
