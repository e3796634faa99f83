"""The order in which the parts of a pipeline are timed."""

from __future__ import annotations

import faulthandler
import os
import time
from pathlib import Path
from typing import Any

import psutil
import torch

from core.errors import BadInput
from core.loader.costs import Costs, Line
from core.loader.probe.samples import Samples, some, tensors_of, time_samples
from core.loader.probe.steps import time_copy, time_steps
from core.loader.probe.transport import Crowd, Transport, collate_of, time_crowd, time_transport
from core.loader.workbench import open_bench
from core.workloads.fields import core_count

SHARED = Path("/dev/shm")
CROWD_BATCH_S = 0.1
"""A batch for the crowd takes about this long, so that a second is enough for several."""


def run(question: dict[str, Any]) -> Costs:
    """Time everything.

    Raises:
        BadInput: the workload cannot be set up.
        Exception: whatever the dataset or the step raises.
    """
    begin = time.perf_counter()
    cores, context = core_count(), question.get("multiprocessing_context", "")
    sizes = sorted({int(size) for size in question["batch_sizes"]})
    bench = open_bench(question)
    # Before the step: a device must not be in use when workers are forked.
    faulthandler.dump_traceback_later(max(0.1, question["tell_at"] - time.monotonic()))
    samples = time_samples(bench.dataset, bench.seed)
    faulthandler.cancel_dump_traceback_later()
    batch = collate_of(bench)(some(samples.kept, sizes[0]))
    tensors = tensors_of(batch)
    if not tensors:
        raise BadInput("A batch holds no tensor. Let the dataset return tensors, or a collate_fn.")
    transport = time_transport(bench, samples.kept, sizes[-1], context)
    crowd, alone_s = _crowd(question, bench, samples, transport, sizes[0], cores)
    steps = time_steps(bench, samples.kept, sizes, [int(n) for n in question["threads"]])
    torch.set_num_threads(cores)
    return Costs(
        cores=cores,
        get_cpu_s=samples.cpu_s,
        get_wait_s=samples.wait_s,
        get_s=samples.single_s,
        collate_s=transport.collate_s,
        deliver_s=transport.deliver_s,
        receive_s=transport.receive_s,
        latency_s=transport.latency_s,
        steps=steps,
        start_s=_start(transport.start_one_s, crowd.start_s - alone_s, cores),
        contention=crowd.contention,
        sample_bytes=sum(t.nbytes for t in tensors) / sizes[0],
        tensors=len(tensors),
        shared_free=free_shared(),
        copy=time_copy(bench.device, batch),
        asynchronous=bench.device.type != "cpu",
        dataset=f"{type(bench.dataset).__name__}, {len(bench.dataset):,} samples",  # type: ignore[arg-type]
        wall_s=time.perf_counter() - begin,
    )


def _crowd(
    question: dict[str, Any], bench: Any, samples: Samples, transport: Transport, size: int,
    cores: int,
) -> tuple[Crowd, float]:  # fmt: skip
    """The crowd, and what its first batch took apart from starting."""
    each = samples.cpu_s + samples.wait_s
    batch = min(size, max(1, round(CROWD_BATCH_S / max(each, 1e-9))))
    alone_s = batch * samples.cpu_s + transport.deliver_s.at(batch)
    context = question.get("multiprocessing_context", "")
    return time_crowd(bench, batch, alone_s, context, cores), alone_s + batch * samples.wait_s


def _start(one_s: float, all_s: float, workers: int) -> Line:
    """Start-up by workers, through one and as many as there are cores."""
    one_s, all_s = max(0.0, one_s), max(0.0, all_s)
    each = max(0.0, (all_s - one_s) / (workers - 1)) if workers > 1 else 0.0
    return Line(max(0.0, one_s - each), each)


def free_shared() -> int | None:
    """Bytes that batches in shared memory may take; None where the system has no such folder."""
    if not SHARED.is_dir():
        return None
    place = os.statvfs(SHARED)
    return min(place.f_bavail * place.f_frsize, psutil.virtual_memory().available)
