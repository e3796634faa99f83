"""The server's memory: large blocks go back to the system."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys

import pytest

_SCRIPT = """
import ctypes, sys
from core.ui import memory

class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks",
        "fordblks", "keepcost")]

libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Info
if sys.argv[1] == "settled":
    memory.settle()
large = bytearray(20 * 2**20)  # freed, it teaches glibc to keep blocks of this size
del large
before = libc.mallinfo2().hblks
kept = [bytearray(2**20) for _ in range(5)]
print(libc.mallinfo2().hblks - before)
"""


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or not hasattr(ctypes.CDLL(None), "mallinfo2"),
    reason="the C library is not glibc 2.33 or later",
)
@pytest.mark.parametrize(("state", "own_blocks"), [("settled", 5), ("as it was", 0)])
def test_large_blocks_have_memory_of_their_own_once_the_server_settled(state, own_blocks):
    command = [sys.executable, "-c", _SCRIPT, state]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) == own_blocks


def test_another_c_library_is_left_alone(monkeypatch):
    from core.ui import memory

    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr(ctypes, "CDLL", lambda name: pytest.fail("no glibc to talk to"))
    assert memory._return_large_blocks() is False
