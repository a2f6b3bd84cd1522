"""The name by which the native engine knows a part.

Contract: a layer, loss, penalty or optimizer answers `kernel()` with a `Kernel`, its name and numbers in the native
instruction table, or with None when only the reference engine can run it (as for parts written by users).
"""

from __future__ import annotations

from typing import NamedTuple


class Kernel(NamedTuple):
    """A line of the native instruction table: the part's name there and its hyper-parameters as numbers."""

    name: str
    numbers: tuple[float, ...] = ()
