"""What a column is: a number, a category, yes or no, a date, or nothing to learn from.

Contract: a `ColumnSummary` sees the cells of a column, all at once or part by part, in memory that does not grow with
the rows, and `column()` says what it is: a `Column`, with the reason in words. The same cells give the same answer
however they are divided.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from pellucid.encoding.cells import NO, YES, TableError, as_number, in_words, is_code, kind_given, texts_of
from pellucid.encoding.column import Column
from pellucid.encoding.dates import ORDERS, orders_of
from pellucid.tables.formatting import in_digits
from pellucid.typing import Array
from pellucid.validation import check_choice

KINDS = ("number", "category", "boolean", "date", "ignore")
"""What a column may be declared as; "date:dmy", "date:mdy" and "date:ymd" say the order of a date as well."""

MOST_VALUES = 100_000
"""This many different values of a column are told apart; of more it is only known that there are more."""

_FEW_ROWS = 20  # so few cells that each may well have another value
_MOSTLY = 0.5  # where more of the cells than this differ, they are names of rows or free text
_NUMBERS = 0.9  # where more of the cells than this are numbers, the others are taken for mistakes
_WORDS = 2  # this many different words among many numbers stand for something else than a number
_EXAMPLES = 3
_LOOKED_AT = 1000  # this many rows are searched for different examples
_ID_NAMES = ("id", "index", "key", "uuid", "guid", "rowid", "rownames", "row", "nr", "no", "number")


def check_kinds(kinds: Mapping[str, str] | None, names: list[str]) -> dict[str, str]:
    """What columns were declared as, checked: every name one of a column, every kind one there is."""
    allowed = (*KINDS, *(f"date:{order}" for order in ORDERS))
    known = frozenset(names)
    for name, kind in (kinds or {}).items():
        if name not in known:
            check_choice("The column in kinds", name, names)
        check_choice(f"The kind of column {name!r:.60}", kind, allowed)
    return dict(kinds or {})


class ColumnSummary:
    """What is remembered of the cells of a column.

    Parameters
    ----------
    name : str
        The column's.
    declared : str or None
        The kind that somebody said it has.

    Examples
    --------
    >>> summary = ColumnSummary("size")
    >>> summary.add(np.array(["small", "large", None, "small"], dtype=object))
    >>> column = summary.column()
    >>> column.kind, column.missing, column.reason
    ('category', 1, 'text, 2 values')
    """

    def __init__(self, name: str, declared: str | None = None) -> None:
        self.name, self.declared = name, declared
        self.rows = self.missing = self.numbers = self.moments = 0
        self.whole, self.consecutive, self.codes = True, True, False
        self.low, self.high, self._last = np.inf, -np.inf, None
        self.infinite: tuple[int, float] | None = None
        self.values: Counter[Any] = Counter()
        self.many = False
        self.date_orders: dict[str, int] = dict.fromkeys(ORDERS, 0)
        self._examples: dict[Any, None] = {}

    def add(self, cells: Array) -> None:
        """See further cells (n,), as `as_cells` returns them."""
        before, self.rows = self.rows, self.rows + len(cells)
        if cells.dtype == object:
            self._add_objects(cells, before)
        elif cells.dtype.kind == "M":
            known = cells[~np.isnat(cells)]
            self._known(len(cells) - len(known), cells[: max(0, _LOOKED_AT - before)])
            self.moments += len(known)
            self.consecutive = False
            if len(known):
                seconds = known.astype(np.int64)
                self.low, self.high = min(self.low, int(seconds.min())), max(self.high, int(seconds.max()))
        else:
            self._add_numbers(cells, before)

    def _known(self, missing: int, first: Array) -> None:
        self.missing += missing
        for cell in texts_of(first, numeric=True).tolist():
            if len(self._examples) == _EXAMPLES:
                break
            if cell is not None:
                self._examples[cell] = None

    def _add_numbers(self, cells: Array, before: int) -> None:
        known = cells[~np.isnan(cells)] if cells.dtype.kind == "f" else cells
        self._known(len(cells) - len(known), cells[: max(0, _LOOKED_AT - before)])
        if len(known) < len(cells):
            self.consecutive = False
        if not len(known):
            return
        self.numbers += len(known)
        low, high = known.min(), known.max()
        if not (np.isfinite(low) and np.isfinite(high)):
            if self.infinite is None:
                row = int(np.isinf(cells).argmax())
                self.infinite = before + row, float(cells[row])
            self.whole = False
        elif self.whole and cells.dtype.kind == "f":
            self.whole = bool((known == np.floor(known)).all())
        self.low, self.high = min(self.low, float(low)), max(self.high, float(high))
        if self.consecutive and np.isfinite(low) and np.isfinite(high):
            first = known[0] if self._last is None else self._last + 1
            self.consecutive = known[0] == first and bool((np.diff(known) == 1).all())
            self._last = known[-1]

    def _add_objects(self, cells: Array, before: int) -> None:
        counts = Counter(cells.tolist())
        missing = counts.pop(None, 0)
        self.missing += missing
        self.consecutive = self.consecutive and not missing and not any(type(c) is str for c in counts)
        for cell, count in counts.items():
            if len(self._examples) < _EXAMPLES:
                self._examples[str(cell)] = None
            if isinstance(cell, np.datetime64):
                self.moments += count
                continue
            number = as_number(cell) if isinstance(cell, str) else float(cell)
            if number is not None:
                self._add_one_number(cell, number, count)
                if np.isinf(number) and self.infinite is None:
                    self.infinite = before + cells.tolist().index(cell), number
            elif isinstance(cell, str) and cell[0].isdigit():
                for order in orders_of(cell):
                    self.date_orders[order] += count
        if not self.many:
            self.values.update(counts)
            self.many = len(self.values) > MOST_VALUES
            if self.many:
                self.values.clear()

    def _add_one_number(self, cell: Any, number: float, count: int) -> None:
        self.numbers += count
        self.consecutive = False
        self.whole = self.whole and number.is_integer()
        self.low, self.high = min(self.low, number), max(self.high, number)
        self.codes = self.codes or (isinstance(cell, str) and is_code(cell))

    @property
    def known(self) -> int:
        """How many cells hold something."""
        return self.rows - self.missing

    def column(self) -> Column:
        """What the column is.

        Raises
        ------
        TableError
            If it holds numbers and a few texts, or infinite numbers, and nobody said what it is.
        """
        if self.declared is not None:
            return self._declared(self.declared)
        if not self.known:
            return self._as("constant", "no cell holds anything")
        if self.moments == self.known:
            return self._constant() or self._as("date", "dates")
        if self.numbers == self.known:
            return self._of_numbers()
        texts = self.known - self.numbers
        orders = [order for order in ORDERS if self.date_orders[order] == self.known]
        if orders:
            return self._of_date_texts(orders)
        if self.numbers > _NUMBERS * self.known or self._few_words_among_numbers(texts):
            self._refuse_mixture(texts)
        return self._of_texts()

    def _as(self, kind: str, reason: str, **more: Any) -> Column:
        reach = self._reach() if kind in ("number", "date") else ""
        return Column(self.name, kind, reason, self.rows, self.missing, tuple(self._examples), reach=reach, **more)

    def _reach(self) -> str:
        """From the lowest to the highest, in words; nothing where they are not known, as of dates in texts."""
        if not self.low < self.high:
            return ""
        if self.moments:
            low, high = (np.datetime64(int(bound), "s") for bound in (self.low, self.high))
            return " to ".join(str(moment).removesuffix("T00:00:00") for moment in (low, high))
        return " to ".join(in_digits(bound).replace(",", "") for bound in (self.low, self.high))

    def _declared(self, declared: str) -> Column:
        kind, _, order = declared.partition(":")
        if kind == "number":
            self._refuse_infinity()
            texts = self.known - self.numbers
            count = "1 text counts" if texts == 1 else f"{texts:,} texts count"
            reason = f"declared; {count} as missing" if texts else "declared"
            return self._as(kind, reason, lenient=bool(texts))
        if kind == "date" and not order:
            fitting = [each for each in ORDERS if self.date_orders[each] + self.moments == self.known]
            return self._as(kind, "declared", order=(fitting or ["ymd"])[0])
        if kind == "date":
            return self._as(kind, "declared", order=order)
        numeric = kind == "category" and self.numbers == self.known
        return self._as(kind, "declared", numeric=numeric)

    def _constant(self) -> Column | None:
        if self.missing or self.low != self.high:
            return None
        return self._as("constant", f"every cell is {next(iter(self._examples), '')}")

    def _of_numbers(self) -> Column:
        self._refuse_infinity()
        if self.low == self.high:
            return self._constant() or self._as("category", "one number, or nothing", numeric=True)
        if self.whole and self.low == 0 and self.high == 1:
            return self._as("boolean", "0 and 1")
        if self.codes:
            if self._mostly_different():
                return self._as("identifier", f"codes of digits, {self._count()} values in {self.known:,} cells")
            return self._as("category", f"codes of digits, {self._count()} values", numeric=True)
        if self.consecutive and self.known >= _FEW_ROWS:
            return self._as("identifier", "numbers of the rows, one after the other")
        if self.whole and self.known >= _FEW_ROWS and not self.missing and self._named_as_identifier():
            return self._as("identifier", "whole numbers under a name for identifiers")
        return self._as("number", "whole numbers" if self.whole else "numbers")

    def _named_as_identifier(self) -> bool:
        """By the name, and as many numbers within reach as there are rows."""
        words = self.name.lower().replace("-", "_").replace(" ", "_").split("_")
        name = words[-1] in _ID_NAMES or self.name.endswith(("Id", "ID"))
        return name and self.high - self.low + 1 >= self.known

    def _of_date_texts(self, orders: list[str]) -> Column:
        if len(self.values) == 1 and not self.missing:
            return self._as("constant", f"every cell is {next(iter(self._examples))}")
        words = {"ymd": "year, month, day", "dmy": "day, month, year", "mdy": "month, day, year"}
        order = orders[0]
        if len(orders) > 1:
            order = "dmy" if "." in next(iter(self._examples)) else "mdy"
            other = next(each for each in orders if each != order)
            reason = f"texts that are dates; could be {words[other]} too: {kind_given(self.name, 'date:' + other)}"
            return self._as("date", reason, order=order)
        return self._as("date", f"texts that are dates: {words[order]}", order=order)

    def _few_words_among_numbers(self, texts: int) -> bool:
        """Whether most cells are numbers, of which there are many different ones, and the others a word or two."""
        words = sum(isinstance(value, str) and as_number(value) is None for value in self.values)
        return texts < self.numbers and 0 < words <= _WORDS and len(self.values) - words > _FEW_ROWS

    def _of_texts(self) -> Column:
        what = "text" if not self.numbers else "text and numbers"
        if len(self.values) == 1 and not self.many:
            one = f"every cell is {next(iter(self._examples))}"
            return self._as("category", f"one {what}, or nothing") if self.missing else self._as("constant", one)
        words = {str(value).lower() for value in self.values} if len(self.values) <= len(YES | NO) else set()
        if words and words <= YES | NO and words & YES and words & NO:
            return self._as("boolean", "words for yes and no")
        if self._mostly_different():
            return self._as("identifier", f"{what}, {self._count()} values in {self.known:,} cells")
        return self._as("category", f"{what}, {self._count()} values")

    def _mostly_different(self) -> bool:
        return self.many or (self.known > _FEW_ROWS and len(self.values) > _MOSTLY * self.known)

    def _count(self) -> str:
        return f"more than {MOST_VALUES:,}" if self.many else f"{len(self.values):,}"

    def _refuse_infinity(self) -> None:
        if self.infinite is not None:
            row, value = self.infinite
            raise TableError(
                f"Column {self.name!r:.60} holds {value} in row {row + 1}: every number must be finite. Write one, "
                f"leave the cell empty, or leave the column out: {kind_given(self.name, 'ignore')}."
            )

    def _refuse_mixture(self, texts: int) -> None:
        if self.many:
            return
        odd = [value for value in self.values if isinstance(value, str) and as_number(value) is None]
        good = [value for value in self.values if not isinstance(value, str) or as_number(value) is not None]
        raise TableError(
            f"Column {self.name!r:.60} mixes numbers ({in_words(good)}) with {texts:,} other "
            f"cell{'s' * (texts > 1)} ({in_words(odd)}). "
            f"Say what it is: {kind_given(self.name, 'number')} takes the others as missing, "
            "'category' takes all as names, 'ignore' leaves it out."
        )
