"""Which queued jobs begin, and on which GPUs."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Unsatisfiable
from core.jobs import Job
from core.jobs.engines import Gpu, Node
from core.jobs.model import Needs
from core.jobs.schedule import check_satisfiable, plan


def job(name: str, needs: Needs | None = None, **fields) -> Job:
    made = Job(name, "train", "digits", {}, "auto", None, "queued", Path(name), 0.0)
    return dataclasses.replace(made, needs=needs or Needs(), **fields)


def node(*gpus: Gpu) -> Node:
    return Node("here", 8, len(gpus), gpus)


TWO = node(Gpu("0"), Gpu("1"))
ONE_GPU, TWO_GPUS = Needs(gpus=1), Needs(gpus=2)


def begun(*arguments) -> list[tuple[str, str]]:
    return [(job.id, gpus) for job, gpus in plan(*arguments).begin]


def test_priority_comes_before_age():
    queued = [job("old", created=1.0), job("new", created=2.0), job("urgent", priority=1)]

    assert begun(queued, [], node(), 2) == [("urgent", ""), ("old", "")]


def test_a_gpu_belongs_to_one_job_unless_all_share_it():
    shared = Needs(gpus=1, share_gpu=True)
    running = job("r", ONE_GPU, gpu_ids="0")

    assert begun([job("a", ONE_GPU), job("b", ONE_GPU)], [running], TWO, 9) == [("a", "1")]
    sharing = dataclasses.replace(running, needs=shared)
    assert begun([job("a", shared)], [sharing], node(Gpu("0")), 9) == [("a", "0")]
    assert begun([job("a", ONE_GPU)], [sharing], node(Gpu("0")), 9) == []


def test_a_gpu_that_a_stranger_uses_is_not_given_out_and_that_is_said():
    found = plan([job("a", ONE_GPU)], [], node(Gpu("0", foreign=True)), 9)

    assert found.begin == ()
    assert "1 by programs outside the queue" in found.waiting["a"]


def test_a_device_by_its_number_is_that_one():
    assert begun([job("a", ONE_GPU, device="cuda:1")], [], TWO, 9) == [("a", "1")]


def test_small_jobs_do_not_starve_a_large_one_but_the_cpu_stays_in_use():
    running = job("r", ONE_GPU, gpu_ids="0")
    queued = [job("large", TWO_GPUS), job("small", ONE_GPU, created=1.0), job("cpu", created=2.0)]

    found = plan(queued, [running], TWO, 9)

    assert [job.id for job, _ in found.begin] == ["cpu"]
    assert "large waits for a GPU too" in found.waiting["small"]


def test_a_job_that_waits_for_cores_is_not_overtaken():
    queued = [job("wide", Needs(cpus=4)), job("narrow", created=1.0)]

    found = plan(queued, [job("r", Needs(cpus=2))], node(), 4)

    assert found.begin == ()
    assert found.waiting["wide"] == "4 of 4 slots are needed, 2 free"


NEEDS = st.builds(
    Needs,
    cpus=st.integers(1, 4),
    gpus=st.integers(0, 3),
    share_gpu=st.booleans(),
)


@given(
    st.lists(st.tuples(NEEDS, st.integers(-2, 2)), max_size=12),
    st.lists(st.booleans(), max_size=4),
    st.integers(1, 6),
)
def test_nothing_is_given_out_twice(asked, foreign, slots):
    here = node(*(Gpu(str(i), foreign=strange) for i, strange in enumerate(foreign)))
    queued = [job(f"j{i}", needs, priority=p) for i, (needs, p) in enumerate(asked)]

    found = plan(queued, [], here, slots)

    assert sum(job.needs.cpus for job, _ in found.begin) <= slots
    for gpu in here.gpus or ():
        users = [job for job, ids in found.begin if gpu.id in ids.split(",")]
        assert len(users) <= 1 or all(job.needs.share_gpu for job in users)
        assert not (users and gpu.foreign)
    for begun_job, ids in found.begin:
        assert len([gpu for gpu in ids.split(",") if gpu]) == begun_job.needs.gpus
    assert {job.id for job, _ in found.begin} | set(found.waiting) == {job.id for job in queued}


@pytest.mark.parametrize(
    ("needs", "words"),
    [
        (Needs(gpus=3), "3 GPUs a node asked for; the largest node has 2"),
        (Needs(nodes=2), "2 nodes asked for; there are 1"),
        (Needs(cpus=5), "5 cores asked for; GPULSE_CPU_SLOTS allows 4"),
    ],
)
def test_what_can_never_be_given_is_refused(needs, words):
    with pytest.raises(Unsatisfiable, match=words):
        check_satisfiable(needs, [TWO], 4)
