"""One training over two nodes of a Slurm cluster, with its end when it is cancelled."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core import events, jobs
from tests.jobs import slurm_cluster
from tests.jobs.conftest import Room

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(slurm_cluster.missing()), reason=slurm_cluster.missing()),
]


@pytest.fixture
def two_nodes(folders: Room, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    """The real supervisor over a cluster of two nodes, which are this machine twice."""
    cluster = slurm_cluster.SlurmCluster(nodes=2)
    try:
        cluster.start()
        monkeypatch.setenv("SLURM_CONF", cluster.address)
        monkeypatch.setenv("GPULSE_ENGINE", "slurm")
        yield folders
    finally:
        for process in folders.processes():
            process.kill()
        cluster.stop()


def launch(epochs: int) -> jobs.Job:
    params = {"epochs": epochs, "train_samples": 100}
    needs = {"nodes": 2, "processes": 1}
    return jobs.launch(jobs.make_spec("train", "digits", params, "cpu", needs=needs))


def test_two_nodes_train_one_run_and_end_together_when_cancelled(two_nodes):
    job = jobs.wait(launch(epochs=2).id, 120)
    assert (job.state, job.exit_code) == ("succeeded", 0), jobs.read_log(job)
    assert "2 processes" in jobs.read_log(job)
    scalars = events.load(job.run_dir, kinds={"scalars"}).scalars
    assert scalars.loc[scalars["tag"] == "Loss/val", "step"].tolist() == [1, 2]

    long = launch(epochs=9999)
    two_nodes.until(lambda: "epoch 2 of" in jobs.read_log(jobs.get(long.id)), 120)
    jobs.stop(long.id)
    assert jobs.wait(long.id, 60).state == "cancelled"
    two_nodes.until(lambda: not trainers(two_nodes), 20)


def trainers(room: Room) -> list[str]:
    found = [" ".join(process.cmdline()) for process in room.processes()]
    return [words for words in found if "core.training" in words]
