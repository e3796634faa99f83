"""H2, H3, H4: copies."""

from __future__ import annotations

import pytest

PINNED = "Memcpy HtoD (Pinned -> Device)"
BACK = "Memcpy DtoH (Device -> Pinned)"
COPY = {"kind": "gpu_memcpy", "by": "cudaMemcpyAsync"}


def copying(line, name, length, *, beside=False, size=2**20):
    """Each step computes for 600 µs and copies for ``length``, before that or beside it."""
    line.steps(4)
    for t in range(0, 4000, 1000):
        line.work(name, t + 5, t + 10, length, bytes=size, **COPY, stream=9 if beside else 7)
        line.work("gemm", t + 8, t + (10 if beside else 10 + length), 600)
    return line.found()


@pytest.mark.parametrize(("name", "rule"), [(PINNED, "H2"), (BACK, "H4")])
def test_a_copy_that_nothing_hides_is_found_from_five_per_cent(line, name, rule):
    found = copying(line, name, 80)
    assert found[rule].cost_ms == pytest.approx(0.08)
    assert found[rule].severity == "note"


@pytest.mark.parametrize("name", [PINNED, BACK])
def test_a_short_copy_is_not(line, name):
    assert not {"H2", "H4"} & set(copying(line, name, 40))


@pytest.mark.parametrize("name", [PINNED, BACK])
def test_a_copy_beside_a_kernel_is_not(line, name):
    assert not {"H2", "H4"} & set(copying(line, name, 200, beside=True))


def test_a_slow_link_is_said(line):
    slow = copying(line, PINNED, 400, size=2**20)["H2"]
    assert any("2.6 GB/s" in line for line in slow.evidence)


def test_a_copy_at_full_rate_is_not_called_slow(line):
    fast = copying(line, PINNED, 80, size=2_000_000)["H2"]
    assert not any("GB/s" in line for line in fast.evidence)


def building(line, *, fill="aten::zero_", shape=((8, 8), (8, 8)), between=5.0):
    line.steps(3)
    for t in range(0, 3000, 1000):
        line.host("aten::zeros", t + 10, 30)
        line.host(fill, t + 20, 15, **{"Input Dims": [list(shape[0])]})
        at = t + 40 + between
        line.host("aten::to", at, 60, **{"Input Dims": [list(shape[1]), []]})
        line.host("aten::_to_copy", at + 1, 58)
        line.work("Memcpy HtoD (Pageable -> Device)", at + 5, at + 10, 5, bytes=256, **COPY)
        line.work("gemm", t + 400, t + 410, 500)
    return line.found()


def test_a_tensor_filled_on_the_host_and_copied_at_once_is_found(line):
    found = building(line)["H3"]
    assert "aten::zero_" in found.where
    assert "device=device" in found.fix.snippet


@pytest.mark.parametrize(
    "change",
    [{"fill": "aten::mul"}, {"shape": ((8, 8), (16, 8))}, {"between": 300.0}],
    ids=["computed", "another tensor", "much later"],
)
def test_other_uploads_are_left_alone(line, change):
    assert "H3" not in building(line, **change)
