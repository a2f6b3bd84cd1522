"""Uniform samples of what comes part by part: of numbers, and of whole rows.

Contract: a sample has a size, keeps no more than that, and is the same however its rows are divided into parts. As long
as there are no more of them than fit, it holds them all, in their order.

The t-th one, from 0 on, is kept if t < size; later it takes the place u if a draw u from 0 … t is below size.
Source: Vitter, "Random sampling with a reservoir", ACM TOMS 11(1), 1985, algorithm R.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pellucid.encoding.cells import Cells
from pellucid.streams import Purpose, Stream
from pellucid.typing import Array, Floats


def places_of(stream: Stream, first: int, count: int) -> Array:
    """The draws u from 0 … t of this many rows, t = first, first + 1, …, each of 64 bits: (count,) of int64."""
    times = np.arange(first, first + count)  # (n,)
    draws = stream.uniform((count, 2), first_row=first)  # (n, 2)
    return ((draws[:, 0] + draws[:, 1] * 2.0**-32) * (times + 1)).astype(np.int64)


class Sample:
    """A uniform sample of numbers that come part by part.

    Parameters
    ----------
    size : int or None
        How many are kept; None: all.
    seed : int
        Where the random numbers start.
    index : int
        Which of several samples this is.
    """

    def __init__(self, size: int | None = None, *, seed: int = 0, index: int = 0) -> None:
        self.size = size
        self.seen = 0
        self._stream = Stream(seed, Purpose.DATA, 3 + index)
        self._parts: list[Floats] = []
        self._kept: Floats = np.empty(0)

    def add(self, numbers: Floats) -> None:
        """See further numbers (n,)."""
        room = len(numbers) if self.size is None else max(0, self.size - self.seen)
        if room and len(numbers):
            self._parts.append(numbers[:room].copy())
        late = numbers[room:]
        if len(late):
            kept, places = self.kept, places_of(self._stream, self.seen + room, len(late))
            inside = places < len(kept)
            kept[places[inside]] = late[inside]  # of several for one place, the last one stays
        self.seen += len(numbers)

    @property
    def kept(self) -> Floats:
        """The numbers that are kept."""
        if self._parts:
            self._kept = np.concatenate([self._kept, *self._parts])
            self._parts = []
        return self._kept


class RowSample:
    """A uniform sample of rows that come part by part.

    Parameters
    ----------
    size : int
        How many are kept.
    seed : int
        Where the random numbers start.

    Examples
    --------
    >>> sample = RowSample(3)
    >>> for start in (0, 2, 4):
    ...     sample.add(2, lambda some: Cells({"t": start + some}))
    >>> sample.seen, len(sample.kept["t"])
    (6, 3)
    """

    def __init__(self, size: int, *, seed: int = 0) -> None:
        self.size, self.seen = size, 0
        self._stream = Stream(seed, Purpose.DATA, 1, 1)
        self._parts: list[Cells] = []

    def add(self, count: int, take: Callable[[Array], Cells]) -> None:
        """See this many further rows, of which `take` returns those with the numbers it is given."""
        room = min(count, max(0, self.size - self.seen))
        if room:
            self._parts.append(take(np.arange(room)))
        places = places_of(self._stream, self.seen + room, count - room)
        stay = np.flatnonzero(places < self.size)
        if len(stay):
            kept = self.kept
            for name, cells in take(room + stay).items():
                kept[name][places[stay]] = cells
        self.seen += count

    @property
    def kept(self) -> Cells:
        """The rows that are kept."""
        if len(self._parts) != 1:
            self._parts = [gathered(self._parts)]
        return self._parts[0]


def gathered(parts: list[Cells]) -> Cells:
    """The rows of all parts as one; {} of none."""
    return Cells({name: np.concatenate([part[name] for part in parts]) for name in (parts[0] if parts else ())})
