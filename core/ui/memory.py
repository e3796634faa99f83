"""What keeps a server's memory flat while it follows runs for hours."""

from __future__ import annotations

import ctypes
import gc
import platform

import streamlit as st

LARGE_BYTES = 128 * 2**10
"""Blocks from this size on get memory of their own, which goes back to the system when they are
freed; so does what is free at the end of a heap. These are glibc's own values to start with, but
glibc raises both, up to 32 and 64 MiB, whenever a larger block is freed: the columns of a live
run, each time a little longer than the last, then leave holes that nothing fits into."""

ARENAS = 2
"""Heaps that threads share. Streamlit runs every look in a new thread, and glibc gives threads up
to 8 heaps for each core, each with holes of its own."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h


@st.cache_resource(show_spinner=False)
def settle() -> None:
    """Once per server, when everything is imported."""
    _return_large_blocks()
    _freeze_modules()


def _return_large_blocks() -> bool:
    """Have memory given back to the system; False where it is not glibc that manages it."""
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    wanted = (
        (_M_MMAP_THRESHOLD, LARGE_BYTES),
        (_M_TRIM_THRESHOLD, LARGE_BYTES),
        (_M_ARENA_MAX, ARENAS),
    )
    return all(mallopt(option, value) for option, value in wanted)


def _freeze_modules() -> None:
    """Take the imported modules out of garbage collection.

    Streamlit collects after every run, fragment ticks too; over all imported modules that costs
    about 0.1 s each time.
    """
    gc.collect()
    gc.freeze()
