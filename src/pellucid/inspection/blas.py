"""NumPy's products on one thread, where the native engine's own threads are at work before and after.

A BLAS of several threads lets them wait awake for some milliseconds behind a product; in that time the engine's team
would have to share the cores with them, and gives way to one thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any


@contextmanager
def one_thread_for_products() -> Iterator[None]:
    """Within, NumPy's products take one thread, if threadpoolctl is there to tell it so (scikit-learn brings it)."""
    controller = _controller()
    if controller is None:
        yield
        return
    with controller.limit(limits=1, user_api="blas"):
        yield


@cache
def _controller() -> Any:
    """Who knows the BLAS that is loaded: looked for once, since that takes milliseconds."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    return ThreadpoolController()
