"""How one column becomes numbers: scaled, taken apart, ±1, one-hot, or the code of an embedding.

Contract: a column of an encoder is a frozen dataclass with the `name` of the column it reads and `encode(cells)`,
which returns an `Encoded`: its numbers, flags and codes, each (n, this many), in float32. `names` says what they are
called. The dataclass's fields are all there is to it, and JSON can hold them.

Numbers are centred on the median and divided by the distance of the quartiles, then clipped smoothly:

    z = (x − median)·factor,     y = z / √(1 + (z/clip)²)

with factor = 1/(q₇₅ − q₂₅), or 2/(largest − smallest) where the quartiles are equal, or 0 where all is. Source:
Holzmüller, Grinsztajn and Steinwart, "Better by default", NeurIPS 2024, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import NamedTuple, TypeAlias

import numpy as np

from pellucid.encoding.cells import numbers_of, texts_of, truths_of
from pellucid.encoding.dates import dates_of, parts_of
from pellucid.typing import Array, Floats

FORMS = ("sign", "one_hot", "code")
"""How a category is written: one ±1, one number a value, or one code."""


class Names(NamedTuple):
    """What the numbers of a column are called, group by group."""

    numbers: tuple[str, ...] = ()
    signs: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    one_hot: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()


class Encoded(NamedTuple):
    """The numbers of a column, group by group; None: there are none of the group."""

    numbers: Floats | None = None
    signs: Floats | None = None
    missing: Floats | None = None
    one_hot: Floats | None = None
    codes: Floats | None = None


def robust_factor(low: float, first: float, third: float, high: float) -> float:
    """The factor from the smallest number, the quartiles and the largest one."""
    if third > first:
        return 1.0 / (third - first)
    return 2.0 / (high - low) if high > low else 0.0


def smooth_clip(z: Floats, clip: float) -> Floats:
    """z/√(1 + (z/clip)²), number by number: within ±clip, and nearly z where z is small."""
    with np.errstate(over="ignore"):
        return z / np.sqrt(1.0 + np.square(z / clip))


@dataclass(frozen=True)
class NumberColumn:
    """A column of numbers: one number, and where one was missing in training, 1 for missing.

    Parameters
    ----------
    name : str
        The column's.
    median, factor : float
        What is taken away, and what is multiplied with. A missing number counts as the median, which is 0.
    clip : float
        What |y| stays below.
    missing : bool
        Whether there is a flag for missing.
    lenient : bool
        Whether texts that are no numbers count as missing.
    """

    name: str
    median: float
    factor: float
    clip: float
    missing: bool = False
    lenient: bool = False

    @property
    def names(self) -> Names:
        """The column's name, and its name with "missing" behind."""
        return Names(numbers=(self.name,), missing=(f"{self.name} missing",) if self.missing else ())

    @property
    def label(self) -> str:
        """What becomes of it, for people."""
        return "number, and whether it is missing" if self.missing else "number"

    def encode(self, cells: Array) -> Encoded:
        """(n,) -> numbers (n, 1) and missing (n, 1) or None."""
        x = numbers_of(cells, self.name, lenient=self.lenient)  # (n,)
        absent = np.isnan(x)
        y = scaled(np.where(absent, self.median, x), self.median, self.factor, self.clip)
        return Encoded(numbers=y[:, None], missing=_flag(absent) if self.missing else None)


def scaled(x: Floats, median: float, factor: float, clip: float) -> Floats:
    """(x − median)·factor, clipped smoothly, in float64 and then float32."""
    with np.errstate(over="ignore"):
        z = np.clip((x - median) * factor, -1e150, 1e150)  # whose square is finite
    return smooth_clip(z, clip).astype(np.float32)


def _flag(condition: Array) -> Floats:
    """(n,) of bool -> (n, 1) of 0 and 1."""
    return condition.astype(np.float32)[:, None]


@dataclass(frozen=True)
class DateColumn:
    """A column of dates: those of its parts that differ in training, each as a number.

    Parameters
    ----------
    name : str
        The column's.
    order : str
        Of dates in texts: "ymd", "dmy" or "mdy".
    first : int
        The first date, in seconds from 1970 on; days are counted from there.
    parts : tuple of str
        Which of year, month, day, weekday, hour, days.
    medians, factors : tuple of float
        One of each part, as for numbers.
    clip : float
        What |y| stays below.
    missing : bool
        Whether there is a flag for missing.
    """

    name: str
    order: str
    first: int
    parts: tuple[str, ...]
    medians: tuple[float, ...]
    factors: tuple[float, ...]
    clip: float
    missing: bool = False

    @property
    def names(self) -> Names:
        """The column's name with that of each part behind."""
        missing = (f"{self.name} missing",) if self.missing else ()
        return Names(numbers=tuple(f"{self.name} {part}" for part in self.parts), missing=missing)

    @property
    def label(self) -> str:
        """What becomes of it, for people."""
        return f"date: {', '.join(self.parts)}" + (", and whether it is missing" if self.missing else "")

    def encode(self, cells: Array) -> Encoded:
        """(n,) -> numbers (n, parts) and missing (n, 1) or None."""
        moments = dates_of(cells, self.name, self.order)
        absent, known = np.isnat(moments), parts_of(moments, self.first)
        numbers = [
            scaled(np.where(absent, median, known[part]), median, factor, self.clip)
            for part, median, factor in zip(self.parts, self.medians, self.factors, strict=True)
        ]
        return Encoded(numbers=np.stack(numbers, axis=1), missing=_flag(absent) if self.missing else None)


@dataclass(frozen=True)
class BooleanColumn:
    """A column of yes and no: +1, −1, and 0 where it is missing."""

    name: str

    @property
    def names(self) -> Names:
        """The column's name."""
        return Names(signs=(self.name,))

    @property
    def label(self) -> str:
        """What becomes of it, for people."""
        return "yes or no"

    def encode(self, cells: Array) -> Encoded:
        """(n,) -> signs (n, 1)."""
        signs = 2.0 * np.nan_to_num(truths_of(cells, self.name), nan=0.5) - 1.0
        return Encoded(signs=signs.astype(np.float32)[:, None])


@dataclass(frozen=True)
class CategoryColumn:
    """A column of categories.

    Parameters
    ----------
    name : str
        The column's.
    values : tuple of str
        The categories known from training, in order.
    form : {"sign", "one_hot", "code"}
        Two values: −1 for the first, +1 for the second, 0 for another one or none. A few: one number for each, 1 for
        the one it is, all 0 for another or none. Many: the code of an embedding, 1, 2, …, and 0 for another or none.
    numeric : bool
        Whether texts that are numbers are read as numbers: "3.0" as "3".
    """

    name: str
    values: tuple[str, ...]
    form: str
    numeric: bool = False

    @property
    def names(self) -> Names:
        """The column's name, with the value behind where a number is one value's."""
        if self.form == "sign":
            return Names(signs=(f"{self.name}: {self.values[1]}",))
        if self.form == "one_hot":
            return Names(one_hot=tuple(f"{self.name}: {value}" for value in self.values))
        return Names(codes=(self.name,))

    @property
    def label(self) -> str:
        """What becomes of it, for people."""
        if self.form == "sign":
            return f"{self.values[0]} or {self.values[1]}"
        count = len(self.values)
        return f"{count:,} categor{'y' if count == 1 else 'ies'}, {'one-hot' if self.form == 'one_hot' else 'embedded'}"

    def codes(self, cells: Array) -> Array:
        """1, 2, … for the values, 0 for another one or none: (n,) -> (n,) of int64."""
        index, texts = self._index, texts_of(cells, numeric=self.numeric).tolist()
        return np.fromiter(map(index.get, texts, repeat(0)), dtype=np.int64, count=len(texts))

    @cached_property
    def _index(self) -> dict[str, int]:
        return {value: code for code, value in enumerate(self.values, 1)}

    def encode(self, cells: Array) -> Encoded:
        """(n,) -> signs (n, 1), one_hot (n, values) or codes (n, 1)."""
        codes = self.codes(cells)
        if self.form == "sign":
            return Encoded(signs=np.array([0, -1, 1], dtype=np.float32)[codes][:, None])
        if self.form == "one_hot":
            return Encoded(one_hot=np.eye(len(self.values) + 1, dtype=np.float32)[codes, 1:])
        return Encoded(codes=codes.astype(np.float32)[:, None])


EncodedColumn: TypeAlias = NumberColumn | DateColumn | BooleanColumn | CategoryColumn
