"""What a span is, by its name. Patterns run over the vocabulary of a trace, never over its rows."""

from __future__ import annotations

import re

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
COPY_CALL = re.compile(r"Memcpy|Memset")
PAGEABLE_UPLOAD = re.compile(r"HtoD.*Pageable|Pageable.*HtoD")
COLLECTIVE = re.compile(r"nccl|rccl|oneccl|msccl", re.IGNORECASE)
"""Kernels that communicate."""
HOST_COLLECTIVE = re.compile(r"^(?:gloo|mpi|ucc):|^c10d::(?:barrier|monitored_barrier)")
"""Spans in which the host itself communicates; nccl:* spans on the host only enqueue."""
READ_BACK = re.compile(r"^aten::(?:item|nonzero|is_nonzero)$")
READ_BACK_INNER = re.compile(r"^aten::_local_scalar_dense$")
"""Operators that must wait for the device before they can answer; item calls the inner one."""


def matching(names: tuple[str, ...], pattern: re.Pattern[str]) -> NDArray[np.bool_]:
    """bool[len(names)]: which names the pattern finds."""
    return np.fromiter((pattern.search(n) is not None for n in names), bool, count=len(names))
