"""Which queued jobs begin now, and on which GPUs. Pure: the same queue gives the same answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import Unsatisfiable
from core.jobs.engines import Gpu, Node
from core.jobs.model import Job, Needs


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with the queue.

    Attributes:
        begin: (job, devices as ``CUDA_VISIBLE_DEVICES`` writes them), in order.
        waiting: id -> one line on why a job is not begun yet.
    """

    begin: tuple[tuple[Job, str], ...]
    waiting: dict[str, str]


def plan(queued: Sequence[Job], active: Sequence[Job], node: Node, slots: int) -> Plan:
    """Choose by priority, then by age.

    A GPU belongs to one job, unless all its jobs share; one that a stranger computes on is not
    given out. A job that waits for GPUs holds up later jobs that want GPUs too, so that many small
    ones never starve a large one, but none that only wants the CPU.

    Args:
        queued: jobs to choose from.
        active: jobs that have or are about to have processes.
        node: the machine, with its GPUs.
        slots: cores that jobs may keep for themselves.
    """
    free = slots - sum(job.needs.cpus for job in active)
    used = _used(active)
    begin, waiting, first_for_gpu = [], {}, None
    for job in sorted(queued, key=lambda job: (-job.priority, job.created)):
        if job.needs.cpus > free:
            why = f"{job.needs.cpus} of {slots} slots are needed, {max(free, 0)} free"
            # No later job may take the slots that this one waits for.
            free = 0
            waiting[job.id] = why
            continue
        given = ""
        if job.needs.gpus:
            chosen = _choose(job, node.gpus or (), used)
            if chosen is None or first_for_gpu:
                waiting[job.id] = _why_no_gpu(job, node.gpus or (), used, first_for_gpu)
                first_for_gpu = first_for_gpu or job.id
                continue
            for gpu in chosen:
                used.setdefault(gpu.id, []).append(job)
            given = ",".join(gpu.id for gpu in chosen)
        free -= job.needs.cpus
        begin.append((job, given))
    return Plan(tuple(begin), waiting)


def _used(active: Sequence[Job]) -> dict[str, list[Job]]:
    used: dict[str, list[Job]] = {}
    for job in active:
        for gpu in filter(None, job.gpu_ids.split(",")):
            used.setdefault(gpu, []).append(job)
    return used


def _choose(job: Job, gpus: Sequence[Gpu], used: dict[str, list[Job]]) -> list[Gpu] | None:
    """The devices for a job, the least used first; None where too few can be given."""
    kind, _, number = job.device.partition(":")
    pinned = number if kind == "cuda" else ""
    able = [
        gpu
        for gpu in gpus
        if not gpu.foreign
        and (not pinned or gpu.id == pinned)
        and (
            not used.get(gpu.id)
            or (job.needs.share_gpu and all(other.needs.share_gpu for other in used[gpu.id]))
        )
    ]
    able.sort(key=lambda gpu: len(used.get(gpu.id, ())))
    return able[: job.needs.gpus] if len(able) >= job.needs.gpus else None


def _why_no_gpu(
    job: Job, gpus: Sequence[Gpu], used: dict[str, list[Job]], first: str | None
) -> str:
    if first:
        return f"{first} waits for a GPU too and comes first"
    foreign = sum(gpu.foreign for gpu in gpus)
    taken = sum(bool(used.get(gpu.id)) for gpu in gpus)
    text = f"{job.needs.gpus} of {len(gpus)} GPUs needed: {taken} taken by jobs"
    return text + (f", {foreign} by programs outside the queue" if foreign else "")


def check_satisfiable(needs: Needs, nodes: Sequence[Node], slots: int | None) -> None:
    """Refuse what could never be given.

    Args:
        needs: what a job asks for.
        nodes: the engine's machines.
        slots: cores that jobs may keep for themselves; None where the nodes tell.

    Raises:
        Unsatisfiable: in one line, with what there is.
    """
    if needs.nodes > max(len(nodes), 1):
        raise Unsatisfiable(f"{needs.nodes} nodes asked for; there are {len(nodes)}.")
    gpus = max((node.gpu_count for node in nodes), default=0)
    if needs.gpus > gpus:
        raise Unsatisfiable(
            f"{needs.gpus} GPUs a node asked for; the largest node has {gpus}. Ask for fewer."
        )
    cpus = slots if slots is not None else max((node.cpus for node in nodes), default=0)
    if needs.cpus > cpus:
        what = "GPULSE_CPU_SLOTS allows" if slots is not None else "the largest node has"
        raise Unsatisfiable(f"{needs.cpus} cores asked for; {what} {cpus}. Ask for fewer.")
