"""Whether a file fits into memory: how much there is, and how much its table would take.

Contract: `available()` returns how many bytes this process may still take, None where nobody says; `is_large(file)`
whether a table is better read part by part.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from pellucid.tables.files import TableFile

_TAKEN = {"csv": 12, "Parquet": 40, "Arrow": 12, "Arrow stream": 12}
"""This many bytes a table and its training take in memory for a byte of its file, by measurement."""

_INFLATED = 5  # bytes for a byte of a compressed file

_PART = 0.5  # of the memory that is available; the rest is for others, and for a guess that was too low

_GROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def available() -> int | None:
    """How many bytes of memory there are for this process, of the machine, its container and its own limit."""
    found = [bytes_ for bytes_ in (_of_machine(), _of_container(), _of_process()) if bytes_ is not None]
    return min(found, default=None)


def needed(file: TableFile) -> int:
    """About how many bytes the table of a file and its training take in memory."""
    return file.size * _TAKEN[file.format] * (_INFLATED if file.compressed else 1)


def is_large(file: TableFile) -> bool:
    """Whether a file's table takes more than half of the memory that is available."""
    there = available()
    return there is not None and needed(file) > _PART * there


def _of_machine() -> int | None:
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return 1024 * int(line.split()[1])
    with suppress(OSError, ValueError, AttributeError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")  # macOS does not say how many are free
    return None


def _of_container() -> int | None:
    for limit, usage in _GROUPS:
        with suppress(OSError, ValueError):  # no such group, or "max"
            return max(0, int(Path(limit).read_text()) - int(Path(usage).read_text()))
    return None


def _of_process() -> int | None:
    with suppress(ImportError, OSError, ValueError):
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        if soft != resource.RLIM_INFINITY:
            return soft
    return None
