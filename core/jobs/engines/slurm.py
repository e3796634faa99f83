"""The Slurm engine: attempts are batch jobs, started, watched and ended by Slurm's own commands.

Only options that every Slurm since 20.x has: no REST service, no accounting database. A guard (see
``guard.py``) runs the job on its node, ends its tree at Slurm's signal and records the exit code in
the run folder, which Slurm's nodes must share with this machine; so an attempt that Slurm has
forgotten is still known.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.errors import EngineDown, SubmitRejected, Unsatisfiable
from core.jobs.engines import Attempt, Node, Seen, Why
from core.jobs.engines import attempts as files
from core.jobs.engines.attempts import MODULES
from core.jobs.engines.cluster import ClusterEngine
from core.jobs.folders import PROJECT_ROOT, read_json
from core.settings import settings

COMMAND_S = 20.0
GRACE_S = 3.0
"""Below Slurm's KillWait (30 s unless set otherwise), after which it kills the guard too."""
MISSING_S = 10.0
"""An attempt that Slurm does not know may be on its way to the controller for so long."""

_UNREACHABLE = re.compile(
    r"unable to contact|connection refused|timed out|munge|configuration source|fetch_config"
    r"|socket",
    re.I,
)
_NEVER = re.compile(
    r"requested node configuration|more processors requested|invalid generic resource"
    r"|node count specification|memory specification can not be satisfied",
    re.I,
)
_WAITING = {"PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD"}
_ALIVE = {"RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "RESIZING", "SIGNALING", "STAGE_OUT"}
_WHY: dict[str, Why] = {
    "CANCELLED": "cancelled",
    "TIMEOUT": "timed-out",
    "DEADLINE": "timed-out",
    "OUT_OF_MEMORY": "out-of-memory",
}


class SlurmEngine(ClusterEngine):
    """Runs attempts on a Slurm cluster; arguments as of :class:`ClusterEngine`."""

    name = "slurm"
    queues = True

    def __init__(self, state: Path, modules: Mapping[str, str] = MODULES) -> None:
        super().__init__(state, modules)
        self._missing: dict[str, float] = {}

    def resources(self) -> list[Node]:
        """The cluster's nodes, by ``sinfo``."""
        fields = "NodeList:100,Gres:200,GresUsed:200,CPUs:10,StateCompact:20"
        answer = self._command("sinfo", "-h", "-N", "-O", fields)
        nodes = {}
        for line in answer.stdout.splitlines():
            name, gres, used, cpus, state = line.split()
            total = _gpus(gres)
            free = total - _gpus(used)
            nodes[name] = Node(name, int(cpus), total, None, free, state)
        return list(nodes.values())

    def submit(self, attempt: Attempt) -> str:
        """Give the attempt to ``sbatch``, unless a job of its name is known already."""
        known = self._find(attempt)
        if known:
            return known
        folder = self._folder(attempt)
        if (folder / "start.json").exists():
            return attempt.native  # begun, and over so long that Slurm has forgotten it
        folder.mkdir(parents=True, exist_ok=True)
        answer = self._command("sbatch", *self._options(attempt), "--wrap", self._script(attempt))
        if answer.returncode:
            words = " ".join(answer.stderr.split())
            raise (Unsatisfiable if _NEVER.search(words) else SubmitRejected)(f"Slurm: {words}")
        return answer.stdout.strip().split(";")[0]

    def _options(self, attempt: Attempt) -> list[str]:
        needs = attempt.needs
        log = str(attempt.run_dir / "log.txt")
        options = ["--parsable", "--no-requeue", "-J", self._name(attempt), "-o", log]
        options += ["--open-mode=append", "-D", str(PROJECT_ROOT), "-N", str(needs.nodes)]
        options += ["--ntasks-per-node=1", "-c", str(needs.cpus)]
        if needs.gpus:
            options.append(f"--gres=gpu:{needs.gpus}")
        if needs.memory_mib:
            options.append(f"--mem={needs.memory_mib}")
        if needs.time_limit_s:
            # The guard keeps the limit to the second; Slurm's own, in minutes, is behind it.
            options += ["-t", str(int(needs.time_limit_s // 60) + 2)]
        if attempt.priority:
            options.append(f"--nice={-attempt.priority}")
        return options + shlex.split(settings().slurm_options)

    def _script(self, attempt: Attempt) -> str:
        """The batch script: ours and the allow-listed module, every word quoted."""
        # One guard on the first node, above the command that starts a process on each of them.
        each = ("/usr/bin/env", "srun", "--ntasks-per-node=1") if attempt.needs.nodes > 1 else ()
        environment, command = self._guarded(attempt, GRACE_S, *each)
        words = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
        return "\n".join([*words, f"exec {shlex.join(command)}"])

    def _find(self, attempt: Attempt) -> str:
        """Slurm's number for the attempt, "" where it knows none of its name."""
        name = self._name(attempt)
        answer = self._command("squeue", "-h", "-t", "all", "-o", "%i", "--name", name)
        return next(iter(answer.stdout.split()), "")

    def poll(self, attempts: Sequence[Attempt]) -> dict[str, Seen]:
        """One ``squeue`` for all of them."""
        numbers = [attempt.native for attempt in attempts if attempt.native]
        table = self._queue(numbers) if numbers else {}
        return {attempt.key: self._look(attempt, table) for attempt in attempts}

    def _queue(self, numbers: list[str]) -> dict[str, tuple[str, str]]:
        wanted = ",".join(numbers)
        answer = self._command("squeue", "-h", "-t", "all", "-j", wanted, "-o", "%i|%T|%r")
        if answer.returncode and "Invalid job id" not in answer.stderr:
            raise EngineDown(f"Slurm does not answer: {' '.join(answer.stderr.split())}")
        rows = (line.split("|") for line in answer.stdout.splitlines())
        return {row[0]: (row[1], row[2]) for row in rows if len(row) == 3}

    def _look(self, attempt: Attempt, table: dict[str, tuple[str, str]]) -> Seen:
        folder = self._folder(attempt)
        state, reason = table.get(attempt.native, ("", ""))
        if state in _WAITING:
            return Seen("waiting", reason=f"Slurm: {reason}")
        begun = read_json(folder / "start.json")
        if state in _ALIVE:
            pid, gpus = (begun["pid"], begun.get("gpu_ids", "")) if begun else (None, "")
            return Seen("alive", pid, gpu_ids=gpus)
        end = files.ended(folder)
        if end is not None:
            return end
        return self._without_end(attempt, state, begun is not None)

    def _without_end(self, attempt: Attempt, state: str, begun: bool) -> Seen:
        """Slurm is done with it, or knows it not, and its guard has recorded no end."""
        if state in _WHY:
            return Seen("ended", None, None, time.time(), why=_WHY[state])
        if state == "FAILED" and not begun:
            return Seen("refused", reason="Slurm could not start it; its log says more")
        if state or begun:
            return Seen("vanished")
        if not attempt.native:
            return Seen("absent")
        # Submitted, unknown to Slurm and never begun: for a moment it may be on its way.
        since = self._missing.setdefault(attempt.key, time.monotonic())
        return Seen("alive" if time.monotonic() - since < MISSING_S else "vanished")

    def cancel(self, attempt: Attempt) -> None:
        """``scancel``: a queued job is dropped; of a running one the guard ends the tree."""
        number = attempt.native or self._find(attempt)
        if number:
            self._command("scancel", "--full", number)

    def forget(self, key: str) -> None:
        """Remove the attempt's files."""
        self._missing.pop(key, None)
        super().forget(key)

    def _command(self, *words: str) -> subprocess.CompletedProcess[str]:
        try:
            answer = subprocess.run(
                words, capture_output=True, text=True, timeout=COMMAND_S, check=False
            )
        except FileNotFoundError:
            raise EngineDown(
                f"Slurm's {words[0]} is not on this machine. Install it or set GPULSE_ENGINE=local."
            ) from None
        except subprocess.TimeoutExpired:
            raise EngineDown(f"Slurm's {words[0]} gave no answer in {COMMAND_S:.0f} s.") from None
        if answer.returncode and _UNREACHABLE.search(answer.stderr):
            raise EngineDown(f"Slurm cannot be reached: {' '.join(answer.stderr.split())[:300]}")
        return answer


def _gpus(gres: str) -> int:
    """Number of GPUs in a ``Gres`` field (``gpu:a100:4(S:0-1)``, ``gpu:2``, ``(null)``)."""
    found = re.findall(r"gpu(?::[^:,(]*[^\d:,(][^:,(]*)?:(\d+)", gres)
    return sum(int(number) for number in found)
