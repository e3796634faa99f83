"""TensorBoard's own data server as a peer: what loading a log folder whole costs it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
from tensorboard import context
from tensorboard.data import grpc_provider

from tests.bench.measure import memory_mib


@dataclass(frozen=True, slots=True)
class ServerCost:
    cpu_s: float
    peak_mib: float
    last_steps: dict[str, int]


def binary() -> str | None:
    """Where the server is, None where its package is not installed."""
    try:
        import tensorboard_data_server
    except ImportError:
        return None
    return tensorboard_data_server.server_binary()


def load(folder: Path, timeout_s: float = 120.0) -> ServerCost:
    """Start the server on a folder, let it load every scalar, and end it.

    It is asked only once it has come to rest, so that the asking costs it nothing.
    """
    with _running(folder) as (process, port_file):
        deadline = time.monotonic() + timeout_s
        while not port_file.exists() or not port_file.read_text().endswith("\n"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the data server did not start")
            time.sleep(0.02)
        cpu_s = _at_rest(process.pid, deadline)
        peak_mib = memory_mib("VmHWM", process.pid)
        return ServerCost(cpu_s, peak_mib, _last_steps(int(port_file.read_text())))


@contextlib.contextmanager
def _running(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    path = binary()
    if path is None:
        raise RuntimeError("the package tensorboard_data_server is not installed")
    with tempfile.TemporaryDirectory() as name:
        port_file = Path(name) / "port"
        command = [path, f"--logdir={folder}", "--reload=once", "--samples-per-plugin=scalars=all"]
        command += ["--port=0", f"--port-file={port_file}", "--die-after-stdin"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE)
        try:
            yield process, port_file
        finally:
            process.kill()
            process.wait()


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _at_rest(pid: int, deadline: float) -> float:
    """The server's CPU time once it has not grown for a second."""
    last, since = _cpu_s(pid), time.monotonic()
    while time.monotonic() - since < 1.0:
        if time.monotonic() > deadline:
            raise RuntimeError("the data server did not come to rest")
        time.sleep(0.05)
        if (now := _cpu_s(pid)) != last:
            last, since = now, time.monotonic()
    return last


def _last_steps(port: int) -> dict[str, int]:
    """tag -> last step that the server holds (of the run that ends last)."""
    address = f"localhost:{port}"
    with grpc.insecure_channel(address) as channel:
        provider = grpc_provider.GrpcDataProvider(address, grpc_provider.make_stub(channel))
        runs = provider.list_scalars(
            context.RequestContext(), experiment_id="", plugin_name="scalars"
        )
    steps: dict[str, int] = {}
    for series in runs.values():
        for tag, held in series.items():
            steps[tag] = max(held.max_step, steps.get(tag, 0))
    return steps
