"""What a span is, by its name. Patterns run over the vocabulary of a trace, never over its rows."""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

STEP = re.compile(r"^ProfilerStep[#*](\d+)")
LOADER = re.compile(r"^enumerate\(Data(?:Loader|Pipe)\)#|dataloader_next$")
"""torch's DataLoader and DataPipe spans; Lightning's profiler calls its own ``…_next``."""
LOADER_IN_PROCESS = re.compile(r"_SingleProcessDataLoaderIter")
EPOCH_EDGE = re.compile(r": (?:_shutdown_workers|_get_iterator|_reset)$")
OPTIMIZER = re.compile(r"^Optimizer\.")
BACKWARD = re.compile(r"^autograd::engine|Backward\d*>?$|^torch::autograd")
SYNC = re.compile(
    r"^(?:cuda|hip)(?:Device|Stream|Event)Synchronize$|^cu(?:Stream|Ctx|Event)Synchronize$"
    r"|^(?:cuda|hip)Memcpy(?:2D)?$|^hipMemcpyWithStream$"
)
"""Calls that return only when the device is done; plain Memcpy and hipMemcpyWithStream block."""
ALLOCATE = re.compile(
    r"^(?:cuda|hip)(?:Malloc|Free|HostAlloc|HostMalloc|FreeHost|MallocAsync|FreeAsync|HostRegister"
    r"|HostUnregister|HostFree|MallocHost|MallocManaged)$"
    r"|^cuMem(?:Create|Map|SetAccess|AddressReserve|Unmap|Release|Alloc|Free)(?:_v2)?$"
)
FREE = re.compile(r"Free|Unmap|Release|Unregister")
FREE_SYNC = re.compile(r"^(?:cuda|hip)Free$")
"""Calls that wait until the device is idle before they give memory back."""
STREAM_WAIT = re.compile(r"StreamWaitEvent")
IDLE_FRAME = re.compile(
    r"^<built-in (?:function|method) (?:sleep|read|recv\w*|poll|select|wait|acquire)\b"
    r"|^<method '(?:read\w*|recv\w*|poll|acquire)' of "
)
"""Python frames in which a thread sleeps or reads, and needs no core."""
LOAD_MODULE = re.compile(
    r"^cu(?:Module|Library)Load|^(?:cuda|hip)Module(?:Load|GetFunction)|^cuLibraryGet"
)
LAUNCH = re.compile(r"LaunchKernel|GraphLaunch|LaunchCooperative")
GRAPH_LAUNCH = re.compile(r"GraphLaunch")
COPY_CALL = re.compile(r"Memcpy|Memset")
PAGEABLE_UPLOAD = re.compile(r"HtoD.*Pageable|Pageable.*HtoD")
COLLECTIVE = re.compile(r"nccl|rccl|oneccl|msccl", re.IGNORECASE)
"""Kernels that communicate."""
HOST_COLLECTIVE = re.compile(r"^(?:gloo|mpi|ucc):|^c10d::(?:barrier|monitored_barrier)")
"""Spans in which the host itself communicates; nccl:* spans on the host only enqueue."""
READ_BACK = re.compile(
    r"^aten::(?:item|nonzero|is_nonzero|_local_scalar_dense|masked_select|_unique2|equal)$"
)
"""Operators that must wait for the device before they can answer."""
MASK_OPERATOR = re.compile(r"^aten::(?:nonzero|masked_select|_unique2|index|index_put_)$")
PRODUCT = re.compile(r"^aten::(?:mm|bmm|addmm|baddbmm)$")
CONVOLUTION = re.compile(r"^aten::conv[123]d$")
BATCH_NORM = re.compile(r"^aten::(?:\w*_)?batch_norm$")
ADD = re.compile(r"^aten::add_?$")
HALF_KERNEL = re.compile(
    r"bf16|fp16|f16|half|bfloat16|_h(?:884|1688|16816|gemm)|Cijk_\w+_(?:HB|BB|HH)"
)
MOVE = re.compile(r"^aten::to$")
FILL = re.compile(r"^aten::(?:fill_|zero_|normal_|uniform_)$")
ATEN = re.compile(r"^aten::")
ASYNCHRONOUS = re.compile(r"^(?:nccl|gloo|mpi|ucc):")
"""Spans that last until the communication is over, whatever their thread does meanwhile."""
UPLOAD = re.compile(r"HtoD|HostToDevice|Host -> Device", re.IGNORECASE)
DOWNLOAD = re.compile(r"DtoH|DeviceToHost|Device -> Host", re.IGNORECASE)


@lru_cache(maxsize=64)
def matching(names: tuple[str, ...], pattern: re.Pattern[str]) -> NDArray[np.bool_]:
    """bool[len(names)], read-only: which names the pattern finds. Many rules ask the same."""
    found = np.fromiter((pattern.search(n) is not None for n in names), bool, count=len(names))
    found.flags.writeable = False
    return found


def first_shape(shapes: str) -> str:
    """The first shape of an operator's inputs: ``[8, 3]`` of ``[[8, 3], [3]]``."""
    match = re.match(r"\[(\[[^\[\]]*\])", shapes)
    return match[1] if match else ""


def readable_shapes(shapes: str) -> str:
    """``16×64×5185, 8×3`` of ``[[16,64,5185],[],[8,3]]``."""
    return ", ".join(found.replace(",", "×") for found in re.findall(r"\[(\d[\d,]*)\]", shapes))


def third_shape(shapes: str) -> bool:
    """Whether an operator's third input has a shape: the bias of a convolution."""
    return re.match(r"\[(?:\[[^\[\]]*\],){2}\[\d", shapes) is not None


def multiples_of_8(shapes: str) -> bool:
    """Whether the last two sides of every input are multiples of 8."""
    sides = re.findall(r"(?:(\d+),)?(\d+)\]", shapes)
    return all(int(side) % 8 == 0 for pair in sides for side in pair if side)
