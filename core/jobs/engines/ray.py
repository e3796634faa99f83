"""The Ray engine: attempts are jobs of a Ray cluster, over the HTTP interface of its head node.

Ray alone loses processes when a job is stopped or its supervising actor is killed, so a guard (see
``guard.py``) runs every attempt; its files are in the run folder, which the cluster's nodes must
share with this machine. Ray fails a job that waits long for resources, so the queue stays ours: a
job is submitted when it fits.
"""

from __future__ import annotations

import json
import shlex
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any

from core.errors import EngineDown, SubmitRejected
from core.jobs.engines import Attempt, Gpu, Node, Seen
from core.jobs.engines import attempts as files
from core.jobs.engines.cluster import ClusterEngine
from core.jobs.folders import PROJECT_ROOT, read_json
from core.settings import settings

ANSWER_S = 10.0
GRACE_S = 1.5
"""Ray kills what is left of a job 3 s after it was told to stop."""


class RayEngine(ClusterEngine):
    """Runs attempts on a Ray cluster."""

    name = "ray"
    queues = False

    def resources(self) -> list[Node]:
        """The cluster as one machine: Ray itself chooses the node and the devices."""
        answer = self._ask("GET", "/api/v0/nodes?detail=true")
        try:
            nodes = [n for n in answer["data"]["result"]["result"] if n["state"] == "ALIVE"]
            total = [node["resources_total"] for node in nodes]
        except (KeyError, TypeError):
            raise EngineDown("Ray's head node gave an answer that is not understood.") from None
        if not total:
            raise EngineDown("Ray has no node that is alive yet.")
        cpus = sum(int(one.get("CPU", 0)) for one in total)
        gpus = tuple(Gpu(str(i)) for i in range(sum(int(one.get("GPU", 0)) for one in total)))
        return [Node("ray", cpus, len(gpus), gpus)]

    def submit(self, attempt: Attempt) -> str:
        """Submit the attempt under its own name; a name that is known is not submitted again."""
        name = self._name(attempt)
        if self._status(name) is not None:
            return name
        self._folder(attempt).mkdir(parents=True, exist_ok=True)
        needs = attempt.needs
        request = {
            "submission_id": name,
            "entrypoint": self._entrypoint(attempt),
            "entrypoint_num_cpus": needs.cpus,
            "entrypoint_num_gpus": needs.gpus,
        }
        try:
            self._ask("POST", "/api/jobs/", request)
        except SubmitRejected:
            if self._status(name) is None:
                raise
        return name

    def _entrypoint(self, attempt: Attempt) -> str:
        """Ray hands it to a shell: ours and the allow-listed module, every word quoted."""
        environment, guard = self._guarded(attempt, GRACE_S)
        words = [f"{name}={value}" for name, value in environment.items()]
        log = shlex.quote(str(attempt.run_dir / "log.txt"))
        place = shlex.quote(str(PROJECT_ROOT))
        return f"cd {place} && exec env {shlex.join([*words, *guard])} >> {log} 2>&1"

    def _status(self, name: str) -> tuple[str, str] | None:
        """(state, message) of a job, None where Ray does not know it."""
        try:
            answer = self._ask("GET", f"/api/jobs/{name}")
        except SubmitRejected:
            return None
        return str(answer.get("status", "")), str(answer.get("message") or "")

    def poll(self, attempts: Sequence[Attempt]) -> dict[str, Seen]:
        """What has become of these attempts; one request each."""
        return {attempt.key: self._look(attempt) for attempt in attempts}

    def _look(self, attempt: Attempt) -> Seen:
        folder = self._folder(attempt)
        status = self._status(self._name(attempt))
        begun = read_json(folder / "start.json")
        pid = begun["pid"] if begun else None
        if status is not None and status[0] == "PENDING":
            return Seen("waiting", reason=f"Ray: {status[1]}")
        if status is not None and status[0] == "RUNNING":
            return Seen("alive", pid)
        end = files.ended(folder)
        if end is not None:
            # Ray numbers devices anew on each node; ours only count how many are taken.
            return Seen("ended", end.pid, end.exit_code, end.ended, why=end.why)
        if status is None:
            return Seen("absent" if begun is None else "vanished", pid)
        if status[0] == "FAILED" and begun is None:
            return Seen("refused", reason=f"Ray: {status[1]}")
        return Seen("vanished", pid)

    def cancel(self, attempt: Attempt) -> None:
        """Ask Ray to stop the job: its guard ends the tree."""
        if self._status(self._name(attempt)) is not None:
            self._ask("POST", f"/api/jobs/{self._name(attempt)}/stop")

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One request to the head node.

        Raises:
            EngineDown: it does not answer.
            SubmitRejected: it answers that it will not.
        """
        url = settings().ray_address.rstrip("/") + path
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:
                content = json.loads(answer.read())
        except urllib.error.HTTPError as error:
            words = error.read().decode(errors="replace").strip().splitlines()
            raise SubmitRejected(f"Ray: {(words or [error.reason])[-1][:300]}") from None
        except (OSError, ValueError) as error:
            raise EngineDown(f"Ray cannot be reached at {url}: {error}") from None
        return content if isinstance(content, dict) else {}
