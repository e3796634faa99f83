"""What else happens on the machine while something is measured. Torch-free."""

from __future__ import annotations

import platform
from contextlib import suppress
from pathlib import Path

import psutil

DROP = Path("/proc/sys/vm/drop_caches")
CPUINFO = Path("/proc/cpuinfo")
PAGE_CACHE_AND_INODES = "3\n"


def drop_page_cache() -> bool:
    """Empty the system's page cache, so that files come from storage; whether that was allowed."""
    try:
        DROP.write_text(PAGE_CACHE_AND_INODES)
    except OSError:
        return False
    return True


def machine_name(cores: int) -> str:
    """The processor and the cores that may be used: tunings hold for one machine."""
    model = platform.processor() or platform.machine()
    with suppress(OSError):
        for line in CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return f"{model}, {cores} core{'' if cores == 1 else 's'}"


class Watch:
    """CPU time of other programs, and what a process family reads from storage, between two looks.

    The workers must be alive at both looks.
    """

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._cpu, self._disk = self._look(), self._read()

    def _family(self) -> list[psutil.Process]:
        return [self._process, *self._process.children(recursive=True)]

    def _look(self) -> tuple[float, float, float]:
        times = psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        every = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        own = 0.0
        for process in self._family():
            with suppress(psutil.Error):
                spent = process.cpu_times()
                own += spent.user + spent.system
        return every, every - idle, own

    def _read(self) -> int | None:
        """Bytes that came from storage, not from the page cache; None where nobody counts."""
        total = 0
        for process in self._family():
            try:
                total += process.io_counters().read_bytes
            except (psutil.Error, AttributeError, NotImplementedError):
                return None
        return total

    def foreign_share(self) -> float:
        """Part of all cores that other programs used since this object was made, 0…1."""
        begin, end = self._cpu, self._look()
        every, busy, own = (after - before for before, after in zip(begin, end, strict=True))
        return min(1.0, max(0.0, (busy - own) / every)) if every > 0 else 0.0

    def disk_bytes(self) -> int | None:
        """Bytes read from storage since this object was made."""
        end = self._read()
        return None if end is None or self._disk is None else max(0, end - self._disk)
