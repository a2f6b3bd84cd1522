"""How many cores a process may keep busy, and how other libraries are kept to one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any


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


@contextmanager
def one_thread(library: str) -> Iterator[None]:
    """Within, products of NumPy and SciPy ("blas") or scikit-learn's own loops ("openmp") take one thread.

    Their threads wait awake for some milliseconds behind a product. Where cores are busy, with the native engine's team
    or with other trainings, they wait for each other longer than they work. Needs threadpoolctl, which scikit-learn
    brings; without it nothing changes.
    """
    controller = _controller(len(sys.modules))
    if controller is None:
        yield
        return
    with controller.limit(limits=1, user_api=library):
        yield


@lru_cache(maxsize=1)
def _controller(modules: int) -> Any:
    """What knows the libraries that are loaded: looked for, since that takes milliseconds, after imports only."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    return ThreadpoolController()
