"""K1 to K4 and B1: what the device computes, and whether with the right units."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.traces import names as n
from core.traces.calltree import Operators
from core.traces.case import Case
from core.traces.columns import Category
from core.traces.intervals import Intervals, union
from core.traces.kinds import FAMILIES, Kinds, kinds_of
from core.traces.records import Finding, Fix
from core.traces.rules.common import (
    CRITICAL,
    NOTE,
    WARNING,
    commonest_name,
    finding,
    longest,
    milliseconds,
    percent,
)

TENSOR_CORES_SINCE, TF32_SINCE = 7, 8
"""Compute capability (major): Volta brought tensor cores, Ampere TF32 on them."""
LOST = 0.20
"""Share of the kernels' time in which multiprocessors have no block (rules of this project; the
measure is torch-tb-profiler's "estimated SM efficiency")."""
_SHOWN = 4
_NAME_LENGTH = 100

_PRECISION_FIX = Fix(
    "Let matrix products and convolutions use tensor cores.",
    'torch.set_float32_matmul_precision("high")        # TF32, from Ampere on\n'
    'with torch.autocast("cuda", dtype=torch.bfloat16):  # float16 and a GradScaler before Ampere\n'
    "    loss = model(x)",
)
_SHAPE_FIX = Fix(
    "Pad sizes to a multiple of 8 (classes, vocabulary, sequence length, channels), and make the "
    "tensors contiguous.",
    "vocabulary = 8 * math.ceil(vocabulary / 8)\n"
    "x = torch.nn.functional.pad(x, (0, -x.shape[-1] % 8))",
)
_GRID_FIX = Fix(
    "Give each kernel more to do: a larger batch, fused operators, fewer splits.",
    "DataLoader(dataset, batch_size=2 * batch_size)\nmodel = torch.compile(model)",
)
_BIAS_FIX = Fix(
    "Leave out the bias: the normalisation after it takes the mean off again.",
    "torch.nn.Conv2d(c_in, c_out, 3, bias=False)",
)
_HEALTHY_FIX = Fix(
    "The device is the limit: speed up its kernels, use lower precision, a smaller model or more "
    "devices.",
    "model = torch.compile(model)",
)


def kernel_findings(case: Case, operators: Operators) -> list[Finding]:
    """K1 to K4; nothing without a device. None predicts a gain: a trace cannot say how fast
    another kernel would be."""
    rows = case.device_rows(Category.KERNEL)
    rows = rows[~n.matching(case.trace.names, n.COLLECTIVE)[case.trace.name[rows]]]
    if not rows.size:
        return []
    kinds = kinds_of(case.trace, rows)
    return [
        *_precision(case, rows, kinds),
        *_alignment(case, operators, rows, kinds),
        *_grids(case, rows),
        *_bias(case, operators),
    ]


def _running(case: Case, rows: NDArray[np.int64]) -> Intervals:
    where = union(case.trace.start[rows], case.trace.end[rows])
    return where.clip(case.window.start_us, case.window.end_us)


def _capped(share: float) -> str:
    """Severity where the gain is unknown: never critical."""
    return "warning" if share >= CRITICAL else "note"


def _largest(case: Case, rows: NDArray[np.int64]) -> str:
    """Name of the kernel that takes most of the rows' time, cut where templates begin to sprawl."""
    time = np.bincount(case.trace.name[rows], case.trace.duration[rows])
    name = case.trace.names[int(time.argmax())]
    return name if len(name) <= _NAME_LENGTH else f"{name[:_NAME_LENGTH]}…"


def _precision(case: Case, rows: NDArray[np.int64], kinds: Kinds) -> list[Finding]:
    """K1: FP32 matrix kernels that leave tensor cores idle, from 10 % of the kernels' time and
    5 % of the window.

    torch-tb-profiler advises mixed precision when no kernel uses tensor cores though operators
    could; torch's FP32MatMulPattern from Ampere on. Silent on devices known to have none.
    """
    trace = case.trace
    major = trace.hardware[case.device].capability[0] if case.device in trace.hardware else 0
    if 0 < major < TENSOR_CORES_SINCE:
        return []
    plain = rows[(kinds.tensor_cores == 0) & ~kinds.half]
    total = float(trace.duration[rows].sum())
    spent = float(trace.duration[plain].sum())
    where = _running(case, plain)
    if spent < WARNING * total or where.measure < NOTE * case.total_us:
        return []
    used = rows[kinds.tensor_cores == 1]
    evidence = [
        f"{percent(spent / total)} of the kernels' time is FP32 matrix products or convolutions "
        f"on the ordinary units; {percent(float(trace.duration[used].sum()) / total)} uses tensor "
        "cores.",
        "How much faster they would be the trace cannot say; try it on a few steps.",
    ]
    if 0 < major < TF32_SINCE:
        evidence.append("This device has no TF32: use float16 with a GradScaler.")
    return [
        finding(
            case,
            "K1",
            "Matrix kernels run in FP32 without tensor cores",
            where.measure,
            where=f"device {case.device}, {_largest(case, plain)}",
            evidence=evidence,
            ranges=longest(where),
            fix=_PRECISION_FIX,
            speedup=None,
            level=_capped(where.measure / case.total_us),
        )
    ]


def _alignment(
    case: Case, operators: Operators, rows: NDArray[np.int64], kinds: Kinds
) -> list[Finding]:
    """K2: 16-bit matrix kernels for sides that are no multiple of 8, from 5 % of the window.

    Known from CUTLASS's ``align1`` to ``align4`` in the name, or from the recorded shapes of the
    operator that launched the kernel (torch's MatMulDimInFP16Pattern: ``mm``, ``bmm``, ``addmm``).
    """
    odd, shapes = _odd_shapes(case, operators)
    mine = rows[kinds.unaligned | (kinds.half & np.isin(rows, odd))]
    where = _running(case, mine)
    if where.measure < NOTE * case.total_us:
        return []
    evidence = [
        f"{percent(where.measure / case.total_us)} of the window is 16-bit matrix kernels for "
        "sizes that are no multiple of 8; tensor cores work on tiles of 8 and more."
    ]
    if shapes:
        evidence.append(f"Inputs of the most expensive: {shapes}.")
    return [
        finding(
            case,
            "K2",
            "Matrix sizes do not fit tensor cores",
            where.measure,
            where=f"device {case.device}, {_largest(case, mine)}",
            evidence=evidence,
            ranges=longest(where),
            fix=_SHAPE_FIX,
            speedup=None,
            level=_capped(where.measure / case.total_us),
        )
    ]


def _odd_shapes(case: Case, operators: Operators) -> tuple[NDArray[np.int64], str]:
    """Kernels of matrix products whose last two sides are no multiples of 8, and the shapes that
    take most of their time."""
    trace = case.trace
    odd = np.array([not n.multiples_of_8(text) for text in trace.input_texts] + [False])
    products = operators.named(n.PRODUCT) & odd[trace.inputs[operators.rows]]
    inner = operators.nearest(products)
    known = np.flatnonzero(operators.owner >= 0)
    product = inner[operators.owner[known]]
    work, product = operators.work[known][product >= 0], product[product >= 0]
    if not work.size:
        return work, ""
    shape = trace.inputs[operators.rows[product]]
    top = int(np.bincount(shape, trace.duration[work]).argmax())
    return work, n.readable_shapes(trace.input_texts[top])


def _grids(case: Case, rows: NDArray[np.int64]) -> list[Finding]:
    """K3: kernels with fewer blocks than the device has multiprocessors leave some of them empty
    for 20 % of the kernels' time (torch-tb-profiler's "estimated SM efficiency" below 80 %) and
    5 % of the window."""
    trace = case.trace
    blocks = trace.blocks_per_sm[rows].astype(np.float64)
    rows, blocks = rows[blocks > 0], blocks[blocks > 0]
    if not rows.size:
        return []
    empty = trace.duration[rows] * (1 - np.minimum(blocks, 1.0))
    total, lost = float(trace.duration[rows].sum()), float(empty.sum())
    small = rows[blocks < 1]
    if lost < LOST * total or lost < NOTE * case.total_us:
        return []
    return [
        finding(
            case,
            "K3",
            "Kernels are too small to fill the device",
            lost,
            where=f"device {case.device}, {_largest(case, small)}",
            evidence=[
                f"{percent(small.size / rows.size)} of the kernels have fewer blocks than the "
                f"device has multiprocessors; on average {percent(lost / total)} of those stay "
                "empty while kernels run."
            ],
            ranges=longest(_running(case, small)),
            fix=_GRID_FIX,
            speedup=None,
            level=_capped(lost / case.total_us),
        )
    ]


def _bias(case: Case, operators: Operators) -> list[Finding]:
    """K4: a convolution with a bias right before a batch normalisation, in every step (torch's
    Conv2dBiasFollowedByBatchNorm2dPattern). Needs recorded shapes: the third input is the bias."""
    trace, nesting = case.trace, operators.nesting
    convolution = np.flatnonzero(operators.named(n.CONVOLUTION))
    follower = operators.named(n.BATCH_NORM)
    if not convolution.size or not follower.any():
        return []
    biased = np.array([n.third_shape(text) for text in trace.input_texts] + [False])
    convolution = convolution[biased[trace.inputs[operators.rows[convolution]]]]
    follows = np.array([_next_sibling(nesting.depth, index) for index in convolution], np.int64)
    hit = (follows >= 0) & follower[np.maximum(follows, 0)]
    convolution = convolution[hit]
    if convolution.size < case.steps:
        return []
    mask = np.zeros(operators.rows.size, bool)
    mask[convolution] = True
    adding = operators.launched(operators.named(n.ADD) & (operators.nearest(mask) >= 0))
    rows = operators.rows[convolution]
    return [
        finding(
            case,
            "K4",
            "Convolutions have a bias that the normalisation after them removes",
            float(trace.duration[adding].sum()),
            where=f"device {case.device}, {commonest_name(case, rows)}",
            evidence=[
                f"{convolution.size / case.steps:.0f} such convolutions a step; adding their bias "
                f"takes {milliseconds(float(trace.duration[adding].sum()) / case.steps)} a step, "
                "and its gradient about as much."
            ],
            ranges=longest(union(trace.start[rows], trace.end[rows])),
            fix=_BIAS_FIX,
            speedup=None,
            level="note",
        )
    ]


def _next_sibling(depth: NDArray[np.int64], index: int) -> int:
    """Index of the next span on the same level below the same one, or −1."""
    after = depth[index + 1 : index + 64]
    up = np.flatnonzero(after <= depth[index])
    return index + 1 + int(up[0]) if up.size and after[up[0]] == depth[index] else -1


def healthy_finding(case: Case) -> list[Finding]:
    """B1: what a device that is the limit spends its time on, by family of kernel."""
    trace = case.trace
    rows = case.device_rows(Category.KERNEL)
    rows = rows[~n.matching(trace.names, n.COLLECTIVE)[trace.name[rows]]]
    code = kinds_of(trace, rows).family
    time = np.bincount(code, trace.duration[rows], minlength=len(FAMILIES))
    order = [i for i in np.argsort(-time, kind="stable")[:_SHOWN].tolist() if time[i] > 0]
    if not order:
        return []
    parts = ", ".join(f"{FAMILIES[i]} {percent(time[i] / time.sum())}" for i in order)
    top = rows[code == order[0]]
    return [
        finding(
            case,
            "B1",
            f"The device is the limit, mostly with {FAMILIES[order[0]]}",
            case.compute.measure,
            where=f"device {case.device}, {_largest(case, top)}",
            evidence=[f"Time of its kernels: {parts}."],
            ranges=longest(_running(case, top)),
            fix=_HEALTHY_FIX,
            speedup=None,
            level="note",
        )
    ]
