"""How many cores a process may keep busy."""

from __future__ import annotations

import os


def told_threads() -> int | None:
    """The most threads that loky or OpenMP were told to use (`LOKY_MAX_CPU_COUNT`, `OMP_NUM_THREADS`); None: nothing.

    joblib sets the second in each of its workers, to the worker's share of the cores.
    """
    hints = (os.environ.get(name, "") for name in ("LOKY_MAX_CPU_COUNT", "OMP_NUM_THREADS"))
    return min((int(hint) for hint in hints if hint.isdecimal() and int(hint) > 0), default=None)


def usable_cores() -> int:
    """The cores that the process may use, and no more than it was told."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, told_threads() or cores)
