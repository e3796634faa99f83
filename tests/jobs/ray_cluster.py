"""A real Ray cluster of one node for the tests, where the ``ray`` command is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from tests.jobs.slurm_cluster import free_port


def missing() -> str:
    """Why no cluster can be started here, "" where one can."""
    return "" if shutil.which("ray") else "Ray is not installed (requirements-ray.txt)"


class RayCluster:
    """Starts a head node with four (pretended) cores and two (pretended) GPUs."""

    def __init__(self) -> None:
        self.place = Path(tempfile.mkdtemp(prefix="ray-"))
        self._dashboard, self._port = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Of its HTTP interface."""
        return f"http://127.0.0.1:{self._dashboard}"

    def start(self, timeout_s: float = 120.0) -> None:
        """Start it and wait until it takes jobs."""
        command = [
            "ray", "start", "--head", "--block", "--num-cpus=4", "--num-gpus=2",
            "--include-dashboard=true", f"--dashboard-port={self._dashboard}",
            f"--port={self._port}", f"--temp-dir={self.place}", "--disable-usage-stats",
        ]  # fmt: skip
        environment = {k: v for k, v in os.environ.items() if not k.startswith("GPULSE_")}
        with (self.place / "out.txt").open("wb") as out:
            self._process = subprocess.Popen(
                command, stdout=out, stderr=out, start_new_session=True, env=environment
            )
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                address = f"{self.address}/api/v0/nodes?detail=true"
                with urllib.request.urlopen(address, timeout=2) as answer:
                    if b"resources_total" in answer.read():
                        return
            except OSError:
                pass
            assert time.monotonic() < deadline, (self.place / "out.txt").read_text()[-800:]
            time.sleep(0.5)

    def stop(self) -> None:
        """End the node with all its processes."""
        subprocess.run(["ray", "stop", "--force"], capture_output=True, check=False)
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)
        shutil.rmtree(self.place, ignore_errors=True)
