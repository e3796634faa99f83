"""What a kernel computes and with which units, by its name.

Names come from cuBLAS, cuDNN, CUTLASS, Tensile (ROCm), FlashAttention, Triton and PyTorch itself.
The patterns for tensor cores extend torch-tb-profiler's ``TC_Allowlist`` (which took them from
PyProf) by the families since Ampere; names that say nothing stay unknown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.traces import names as n
from core.traces.columns import Trace

FAMILIES: tuple[str, ...] = (
    "communication",
    "attention",
    "convolution",
    "matmul",
    "normalisation",
    "softmax and loss",
    "embedding and indexing",
    "optimizer",
    "reduction",
    "copy and fill",
    "elementwise",
    "other",
)
"""What kernels compute, the most telling name first."""

_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (family, re.compile(pattern, re.IGNORECASE))
    for family, pattern in (
        ("communication", n.COLLECTIVE.pattern),
        ("attention", r"flash_(?:fwd|bwd)|fmha|attention|attn_|_attn|mha_(?:fwd|bwd)"),
        (
            "normalisation",
            r"layer_?norm|batch_?norm|group_?norm|rms_?norm|bn_(?:fw|bw)|instance_norm",
        ),
        (
            "convolution",
            r"conv(?!ert)|wgrad|dgrad|fprop|winograd|scudnn|hcudnn|implicit_gemm|im2col|col2im|miopenSp3",
        ),
        (
            "matmul",
            r"(?<!fb)gemm|gemv|matmul|cutlass|cublas|nvjet|Cijk_|splitK|dot_kernel|triton_\w*_mm|_mm_kernel",
        ),
        ("softmax and loss", r"softmax|nll_loss|cross_entropy|loss_"),
        (
            "embedding and indexing",
            r"embedding|index|gather|scatter|sort|topk|unique|permute_pooled|histogram|DeviceScan"
            r"|DeviceSelect",
        ),
        (
            "optimizer",
            r"multi_tensor_apply|adam|sgd_|lamb_|rowwise_adagrad|adagrad|adadelta|rmsprop",
        ),
        ("reduction", r"reduce|norm_kernel|cumsum|triton_(?:red|per)_"),
        (
            "copy and fill",
            r"copy|CatArray|FillFunctor|nchwToNhwc|nhwcToNchw|transpose|permute|memset|memcpy|fill_",
        ),
        (
            "elementwise",
            r"elementwise|triton_poi|pointwise|_kernel_impl|threshold|dropout|bias_act",
        ),
    )
)

_TENSOR_CORE = re.compile(
    r"tensorop|wgmma|hmma|imma|[^a-z]mma|xmma_(?!.*(?:simt|ffma))|[his]884|[hisc]1688|16816|161616"
    r"|i8816|nvjet|flash_(?:fwd|bwd)|fmha|_MI\d+x\d+|mfma|tensor\d+x\d+x\d+|first_layer_wgrad"
)
_PLAIN = re.compile(
    r"simt|ffma|sgemm|scudnn|implicit_convolve|[wd]grad\d?d?_(?:alg\d_)?engine|dgemm|gemv|gemmSN"
    r"|fft2d|winograd.*<float|Cijk_\w+_S(?:B|S|_)"
)
"""Matrix kernels on the ordinary units; ``Cijk_…_SB_`` is Tensile's single precision."""
_UNALIGNED = re.compile(r"align(?:1|2|4)(?!\d)")


def family_codes(names: tuple[str, ...]) -> NDArray[np.int8]:
    """int8[names]: what a kernel of that name computes, as codes into ``FAMILIES``."""
    return np.fromiter(map(_family, names), np.int8, len(names))


@lru_cache(maxsize=1 << 12)
def _family(name: str) -> int:
    first = (family for family, pattern in _PATTERNS if pattern.search(name))
    return FAMILIES.index(next(first, "other"))


def tensor_cores(names: tuple[str, ...]) -> NDArray[np.int8]:
    """int8[names]: 1 where a matrix kernel uses tensor (or AMD matrix) cores, 0 where it does
    not, −1 where the name does not say or the kernel is none."""
    found = np.full(len(names), -1, np.int8)
    matrix = np.isin(
        family_codes(names), [FAMILIES.index(f) for f in ("attention", "convolution", "matmul")]
    )
    found[matrix & n.matching(names, _PLAIN)] = 0
    found[matrix & n.matching(names, _TENSOR_CORE)] = 1
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Kinds:
    """Kinds of some kernels, one entry a row.

    Attributes:
        family: int8 codes into ``FAMILIES``.
        tensor_cores: int8, see :func:`tensor_cores`.
        half: bool, computes in 16 bits by its name.
        unaligned: bool, a 16-bit matrix kernel that CUTLASS built for sides that are no multiple
            of eight.
    """

    family: NDArray[np.int8]
    tensor_cores: NDArray[np.int8]
    half: NDArray[np.bool_]
    unaligned: NDArray[np.bool_]


def kinds_of(trace: Trace, rows: NDArray[np.int64]) -> Kinds:
    """The kinds of kernels, by looking at each of their names once."""
    code = trace.name[rows]
    used = np.bincount(code, minlength=1) > 0
    names = tuple(trace.names[code] for code in np.flatnonzero(used).tolist())
    at = (np.cumsum(used) - 1)[code]
    half = n.matching(names, n.HALF_KERNEL)
    odd = half & n.matching(names, _UNALIGNED)
    return Kinds(family_codes(names)[at], tensor_cores(names)[at], half[at], odd[at])
