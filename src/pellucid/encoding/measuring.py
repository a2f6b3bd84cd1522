"""What an encoder has to know of the training rows: medians, quartiles, the values of categories.

Contract: a measure sees the cells of a column, all at once or part by part, and `column(…)` returns the encoder's
column. Numbers are kept in a uniform sample of a stated size; as long as there are no more of them than fit, or no size
is stated, the answer is exact, and the same however the cells are divided.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple, TypeAlias

import numpy as np

from pellucid.encoding.cells import TableError, as_number, numbers_of, texts_of, truths_of
from pellucid.encoding.column import Column
from pellucid.encoding.dates import dates_of, parts_of
from pellucid.encoding.encoded import BooleanColumn, CategoryColumn, DateColumn, NumberColumn, robust_factor
from pellucid.encoding.sampling import Sample
from pellucid.typing import Array, Floats

MOST_CATEGORIES = 10_000
"""This many values of a category are told apart, the commonest; the others are read as new ones."""

MOST_COUNTED = 10 * MOST_CATEGORIES
"""This many are counted; where there are more, the rarest half so far is forgotten."""


class Spread(NamedTuple):
    """How numbers are spread."""

    low: float
    first: float
    median: float
    third: float
    high: float

    @property
    def factor(self) -> float:
        """What numbers are multiplied with."""
        return robust_factor(self.low, self.first, self.third, self.high)


class Sampled:
    """Numbers that come part by part: a uniform sample of them, and their smallest and largest."""

    def __init__(self, size: int | None = None, *, seed: int = 0, index: int = 0) -> None:
        self._sample = Sample(size, seed=seed, index=index)
        self._low, self._high = np.inf, -np.inf

    def add(self, numbers: Floats) -> None:
        """See further numbers (n,)."""
        if len(numbers):
            self._low, self._high = min(self._low, float(numbers.min())), max(self._high, float(numbers.max()))
            self._sample.add(numbers)

    @property
    def kept(self) -> Floats:
        """The numbers of the sample."""
        return self._sample.kept

    def spread(self) -> Spread | None:
        """The quartiles of the sample between the smallest and the largest of all; None if there was no number."""
        kept = self.kept
        if not len(kept):
            return None
        first, median, third = (float(each) for each in np.quantile(kept, [0.25, 0.5, 0.75]))
        return Spread(self._low, first, median, third, self._high)


class Numbers:
    """Measures a column of numbers."""

    def __init__(self, column: Column, sample: int | None, seed: int, index: int) -> None:
        self.column, self._sample, self._missing = column, Sampled(sample, seed=seed, index=index), False

    def add(self, cells: Array) -> None:
        """See further cells (n,)."""
        x = numbers_of(cells, self.column.name, lenient=self.column.lenient)
        absent = np.isnan(x)
        self._missing = self._missing or bool(absent.any())
        self._sample.add(x[~absent])

    def result(self, one_hot_up_to: int, clip: float) -> NumberColumn | None:
        """The encoder's column; None if no row had a number."""
        spread = self._sample.spread()
        if spread is None:
            return None
        return NumberColumn(self.column.name, spread.median, spread.factor, clip, self._missing, self.column.lenient)


class Dates:
    """Measures a column of dates."""

    def __init__(self, column: Column, sample: int | None, seed: int, index: int) -> None:
        self.column, self._missing = column, False
        self._sample = Sampled(sample, seed=seed, index=index)

    def add(self, cells: Array) -> None:
        """See further cells (n,)."""
        moments = dates_of(cells, self.column.name, self.column.order)
        absent = np.isnat(moments)
        self._missing = self._missing or bool(absent.any())
        self._sample.add(moments[~absent].astype(np.int64).astype(np.float64))

    def result(self, one_hot_up_to: int, clip: float) -> DateColumn | None:
        """The encoder's column; None if no row had a date."""
        whole = self._sample.spread()
        if whole is None:
            return None
        first = int(whole.low)
        kept = self._sample.kept.astype(np.int64).astype("datetime64[s]")
        spreads = {}
        for part, numbers in parts_of(kept, first).items():
            sample = Sampled()
            sample.add(numbers)
            spread = sample.spread()
            if spread is not None and (spread.factor or part == "days"):
                spreads[part] = spread
        return DateColumn(
            self.column.name,
            self.column.order,
            first,
            tuple(spreads),
            tuple(spread.median for spread in spreads.values()),
            tuple(spread.factor for spread in spreads.values()),
            clip,
            self._missing,
        )


class Booleans:
    """Measures a column of yes and no: looks whether it is one."""

    def __init__(self, column: Column, sample: int | None, seed: int, index: int) -> None:
        self.column = column

    def add(self, cells: Array) -> None:
        """See further cells (n,)."""
        truths_of(cells, self.column.name)

    def result(self, one_hot_up_to: int, clip: float) -> BooleanColumn:
        """The encoder's column."""
        return BooleanColumn(self.column.name)


class Categories:
    """Counts the values of a category."""

    def __init__(self, column: Column, sample: int | None, seed: int, index: int) -> None:
        self.column = column
        self._counts: Counter[str] = Counter()

    def add(self, cells: Array) -> None:
        """See further cells (n,)."""
        counts = Counter(texts_of(cells, numeric=self.column.numeric).tolist())
        counts.pop(None, None)
        self._counts.update(counts)
        if len(self._counts) > MOST_COUNTED:
            self._counts = Counter(dict(self._counts.most_common(MOST_COUNTED // 2)))

    def result(self, one_hot_up_to: int, clip: float) -> CategoryColumn | None:
        """The encoder's column; None if every cell is missing."""
        if not self._counts:
            return None
        ordered = sorted(self._counts, key=lambda value: (-self._counts[value], value))
        values = sorted(ordered[:MOST_CATEGORIES])
        if all(as_number(value) is not None for value in values):
            values.sort(key=float)
        form = "sign" if len(values) == 2 else "one_hot" if len(values) <= one_hot_up_to else "code"
        return CategoryColumn(self.column.name, tuple(values), form, self.column.numeric)


Measure: TypeAlias = Numbers | Dates | Booleans | Categories

_MEASURES: dict[str, type[Measure]] = {"number": Numbers, "date": Dates, "boolean": Booleans, "category": Categories}


def measure_of(column: Column, *, sample: int | None = None, seed: int = 0, index: int = 0) -> Measure:
    """What measures a column of its kind."""
    if not column.used:
        raise TableError(f"Column {column.name!r:.60} is left out: {column.reason}.")
    return _MEASURES[column.kind](column, sample, seed, index)
