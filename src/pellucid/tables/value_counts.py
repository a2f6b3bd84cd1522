"""What is remembered of the values of a target: how many there are, which, and between what.

Contract: a `Tally` sees values, none of them missing, all at once or part by part, and says the same of them however
they are divided. With `most` its memory does not grow with the rows: of more different values than that it is only
known that there are more.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

_ODD = 100  # texts that are no numbers, as examples


class Tally:
    """The values of a target, counted.

    Parameters
    ----------
    most : int or None
        This many different values are told apart; None: all.

    Attributes
    ----------
    rows : int
        How many values there were.
    many : bool
        Whether there were more different ones than `most`.
    text, truth : bool
        Whether one of them is text, or true or false.
    whole : bool
        Whether all of them are whole numbers.
    low, high : float
        The smallest and the largest number.
    infinite : int or None
        The first row, from 0 on, with an infinite number.
    odd, odd_rows : dict, int
        The values that are no numbers, the first hundred of them, and how many rows hold one.

    Examples
    --------
    >>> tally = Tally()
    >>> tally.add(np.array([3.0, 1.0]))
    >>> tally.add(["3", 3])
    >>> tally.rows, tally.names, tally.text, (tally.low, tally.high)
    (4, {'1': (1.0, 1), '3': (3.0, 3)}, True, (1.0, 3.0))
    """

    def __init__(self, most: int | None = None) -> None:
        self.most = most
        self.rows = self.odd_rows = 0
        self.many = self.text = self.truth = False
        self.whole, self.low, self.high = True, float("inf"), float("-inf")
        self.infinite: int | None = None
        self.odd: dict[Any, None] = {}
        self._counts: Counter[tuple[type, Any]] = Counter()  # 1 and True are equal, and not the same

    def add(self, values: Any) -> None:
        """See further values (n,)."""
        before, self.rows = self.rows, self.rows + len(values)
        if isinstance(values, np.ndarray) and values.dtype.kind in "fiu":
            self._add_numbers(values, before)
            return
        items = as_list(values)
        counts = Counter(zip(map(type, items), items, strict=True))
        for (_, value), count in counts.items():
            self.text = self.text or isinstance(value, str)
            self.truth = self.truth or isinstance(value, bool | np.bool_)
            if not is_number(value):
                self.odd_rows += count
                if len(self.odd) < _ODD:
                    self.odd[value] = None
                continue
            number = float(value)
            self.low, self.high = min(self.low, number), max(self.high, number)
            self.whole = self.whole and number.is_integer()
            if np.isinf(number) and self.infinite is None:
                self.infinite = before + items.index(value)
        self._count(counts)

    def _add_numbers(self, values: np.ndarray[Any, Any], before: int) -> None:
        if not len(values):
            return
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))
        infinite = np.isinf(values)
        if infinite.any():
            self.whole = False
            if self.infinite is None:
                self.infinite = before + int(infinite.argmax())
        self.whole = self.whole and bool((values == np.floor(values)).all())
        if not self.many:
            different, counts = np.unique(values, return_counts=True)
            kind = type(different[0].item())
            self._count({(kind, v): n for v, n in zip(different.tolist(), counts.tolist(), strict=True)})

    def _count(self, counts: dict[tuple[type, Any], int]) -> None:
        if self.many:
            return
        self._counts.update(counts)
        if self.most is not None and len(self._counts) > self.most:
            self.many = True
            self._counts.clear()

    @property
    def names(self) -> dict[str, tuple[Any, int]]:
        """The different values by their names, in the order of these, each with the rows that hold it; {} of many."""
        found: dict[str, tuple[Any, int]] = {}
        for (_, value), count in self._counts.items():
            name = class_name(value)
            first, rows = found.get(name, (value, 0))
            found[name] = (first, rows + count)
        return dict(sorted(found.items()))


def class_name(value: Any) -> str:
    """A value as the name of a class: whole numbers without a point, truth as true and false."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def is_number(value: Any) -> bool:
    """Whether a value is a number, or a text that is one."""
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def as_list(values: Any) -> list[Any]:
    """A column as Python's values."""
    return values if isinstance(values, list) else np.asarray(values).tolist()
