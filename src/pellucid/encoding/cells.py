"""What the cells of a column are, wherever they come from: missing, a number, a text, a moment in time.

Contract: `as_cells` turns any column (an array, a series of pandas or polars, a column of Arrow, a list) into one of
four forms, and into the same one whoever read it: whole numbers, float64 with NaN where a cell is missing,
datetime64[s] (UTC) with NaT, or objects that are texts, numbers, moments and None. The functions behind it take such
cells as numbers, texts, or yes and no. NumPy is all that is needed.
"""

from __future__ import annotations

import datetime
import math
import numbers
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

from pellucid.typing import Array, Floats

MISSING = frozenset({"", "?", "-", ".", "na", "n/a", "#n/a", "nan", "nat", "null", "none", "missing"})
"""The texts, in small letters, that stand for nothing."""

NO = frozenset({"false", "no", "n", "f", "0", "off"})
YES = frozenset({"true", "yes", "y", "t", "1", "on"})
"""The texts, in small letters, that stand for no and yes."""

_EXACT = 2**53  # up to here a float64 holds every whole number
_EXAMPLES = 3
_SCALARS = (str, bytes, numbers.Number, np.generic, datetime.date)


class TableError(ValueError):
    """A table, or a column of it, that cannot be used; the message says why and what to do."""


def kind_given(name: str, kind: str) -> str:
    """How one says what a column is, in Python and on the command line."""
    return f"kinds={{{name!r:.60}: {kind!r}}} (--kinds {name:.60}={kind})"


class CellError(TableError):
    """A cell that does not fit its column's type: the words before and behind its row, and the row from 0 on; None
    where rows have lost their numbers.
    """

    def __init__(self, before: str, row: int | None, behind: str) -> None:
        super().__init__(f"{before}{'' if row is None else f' in row {row + 1}'}{behind}")
        self.parts = before, row, behind


@contextmanager
def rows_counted_from(first: int | None) -> Iterator[None]:
    """Count rows in messages from the first of a part on; None: rows were chosen, and have no numbers any more."""
    try:
        yield
    except CellError as error:
        before, row, behind = error.parts
        raise CellError(before, None if row is None or first is None else first + row, behind) from None


class Cells(dict[str, Array]):
    """Columns that are cells already, in one of the forms of `as_cells`, so that nobody looks at them again."""

    def take(self, rows: Array) -> Cells:
        """The cells of some rows, by a mask or by their numbers."""
        return Cells({name: cells[rows] for name, cells in self.items()})


class NamedColumns(Protocol):
    """Columns by name: a mapping, or a table."""

    def __getitem__(self, name: str, /) -> Any:
        """A column."""


def cells_of(columns: NamedColumns, names: Iterable[str]) -> dict[str, Array]:
    """Some of the columns as cells."""
    if isinstance(columns, Cells):
        return {name: columns[name] for name in names}
    return {name: as_cells(columns[name], name) for name in names}


def as_columns(source: Any) -> Mapping[str, Any]:
    """Columns by name from a mapping, a data frame, a structured array, a row that is a mapping, or a list of rows."""
    if isinstance(source, np.ndarray) and source.dtype.names:
        return {name: source[name] for name in source.dtype.names}
    if isinstance(source, Mapping):
        one_row = source and all(isinstance(source[name], _SCALARS) or source[name] is None for name in source)
        return {name: [source[name]] for name in source} if one_row else source
    if isinstance(source, Sequence) and not isinstance(source, str) and source and isinstance(source[0], Mapping):
        names = dict.fromkeys(name for row in source for name in row)
        return {name: [row.get(name) for row in source] for name in names}
    refuse_lazy(source)
    for attribute in ("column_names", "columns"):  # Arrow; pandas and polars
        if hasattr(source, attribute) and hasattr(source, "__getitem__"):
            found = list(getattr(source, attribute))
            if all(isinstance(name, str) for name in found):
                check_names(found)
                return {name: source[name] for name in found}
            raise TableError(
                f"The names of columns must be texts, not {next(n for n in found if type(n) is not str)!r}."
            )
    raise TypeError(
        f"A table must be a data frame, a mapping of names to columns, a structured array or a list of rows with "
        f"names, not {type(source).__name__}."
    )


def refuse_lazy(source: Any) -> None:
    """Raise for a frame that has no rows yet."""
    if hasattr(source, "collect_schema") and not hasattr(source, "to_numpy"):
        raise TableError("The frame is lazy: give the result of its collect().")


def check_names(names: Sequence[str]) -> None:
    """Raise if two columns have the same name, saying which they are."""
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        first = places.setdefault(name, place)
        if first != place:
            raise TableError(
                f"The name {name!r:.60} stands above column {first + 1} and column {place + 1}: every column must have "
                f"a name of its own. Rename one of them."
            )


def check_lengths(lengths: Mapping[str, int]) -> None:
    """Raise if the columns have not all as many cells."""
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name!r:.40} has {count}" for name, count in lengths.items())
        raise TableError(f"The columns differ in length: {found:.400}. Every row must have a cell in each.")


def as_cells(values: Any, name: str) -> Array:
    """The cells (n,) of a column in one of the four forms; `name` is for messages.

    Raises
    ------
    TableError
        If a cell is a list or a table itself, or the column has more than one dimension.
    """
    kind = str(getattr(values, "type", ""))
    if kind.startswith("dictionary"):  # Arrow's own conversion passes over what is missing
        values = values.cast(values.type.value_type)
    if isinstance(values, list | tuple):  # NumPy would make one kind of what is mixed
        array = np.empty(len(values), dtype=object)
        array[:] = values
    else:
        array = np.asarray(values)
    if array.ndim != 1:
        raise TableError(f"Column {name!r:.60} must have one cell a row, but its shape is {array.shape}.")
    if array.dtype.kind == "b":
        return np.where(array, "true", "false").astype(object)
    if array.dtype.kind in "iu":
        return array
    if array.dtype.kind == "f":
        return array.astype(np.float64, copy=False)
    if array.dtype.kind == "M":
        return array.astype("datetime64[s]")
    if array.dtype.kind == "m":
        return np.where(np.isnat(array), np.nan, array / np.timedelta64(1, "s"))
    if array.dtype.kind == "c":
        raise TableError(f"Column {name!r:.60} holds complex numbers: give their parts as columns of their own.")
    return _from_objects(array.astype(object), name)


def _from_objects(array: Array, name: str) -> Array:
    items = array.tolist()
    types = set(map(type, items))
    if types & {bool, np.bool_}:  # else True and 1 would be the same key below
        items = [("true" if item else "false") if isinstance(item, bool | np.bool_) else item for item in items]
    try:
        meaning = dict.fromkeys(items)
    except TypeError:
        odd = next(item for item in items if not _hashable(item))
        raise TableError(
            f"Column {name!r:.60} holds a {type(odd).__name__} in a cell: make columns of its parts, or leave "
            f"it out: {kind_given(name, 'ignore')}."
        ) from None
    for item in meaning:
        meaning[item] = _cell(item)
    found = set(map(type, meaning.values()))
    if found <= {int, float, type(None)} and all(abs(c) <= _EXACT for c in meaning.values() if type(c) is int):
        return np.array([np.nan if meaning[item] is None else meaning[item] for item in items], dtype=np.float64)
    if found == {np.datetime64} or found == {np.datetime64, type(None)}:
        return np.array([meaning[item] for item in items], dtype="datetime64[s]")
    cells = np.empty(len(items), dtype=object)
    cells[:] = [meaning[item] for item in items]
    return cells


def _hashable(item: Any) -> bool:
    try:
        hash(item)
    except TypeError:
        return False
    return True


def _cell(item: Any) -> Any:
    """One object as a text, an int, a float, a moment, or None."""
    if item is None or type(item).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(item, bytes):
        item = item.decode(errors="replace")
    if isinstance(item, str):
        text = item.strip()
        return None if text.lower() in MISSING else text
    if isinstance(item, numbers.Integral):
        return int(item)
    if isinstance(item, numbers.Real) or type(item).__name__ == "Decimal":
        number = float(item)
        return None if math.isnan(number) else number
    if isinstance(item, np.datetime64):
        return None if np.isnat(item) else item.astype("datetime64[s]")
    if isinstance(item, datetime.datetime):
        in_utc = item if item.tzinfo is None else item.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        return np.datetime64(in_utc.replace(microsecond=0), "s")
    if isinstance(item, datetime.date):
        return np.datetime64(item, "s")
    return str(item)


def as_number(text: str) -> float | None:
    """The number that a text is, or None; Python's 1_000 is none."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def is_code(text: str) -> bool:
    """Whether digits are written as a code is: with a leading zero, or more of them than a float64 holds."""
    digits = text.lstrip("+-")
    return digits.isdigit() and len(digits) > 1 and (digits[0] == "0" or len(digits) > 15)


def in_words(cells: Iterable[Any]) -> str:
    """A few different cells as examples: 'a', 'b', 3."""
    return ", ".join(f"{cell!r:.40}" for cell in list(dict.fromkeys(cells))[:_EXAMPLES])


def numbers_of(cells: Array, name: str, *, lenient: bool = False) -> Floats:
    """Cells as numbers (n,), float64 with NaN where one is missing.

    Raises
    ------
    TableError
        If a cell is infinite, or is a text that is no number; `lenient`: such a text counts as missing.
    """
    if cells.dtype.kind == "M":
        raise TableError(
            f"Column {name!r:.60} holds dates, such as {in_words(map(str, cells[:1]))}, where numbers belong."
        )
    if cells.dtype == object:
        memory = {cell: _number(cell) for cell in dict.fromkeys(cells.tolist())}
        if None in memory.values() and not lenient:
            row = next(row for row, cell in enumerate(cells) if memory[cell] is None)
            odd = in_words(cell for cell, number in memory.items() if number is None)
            rest = ", where a number belongs: write a number, or leave the cell empty."
            raise CellError(f"Column {name!r:.60} holds {odd}", row, rest)
        result = np.array([np.nan if memory[c] is None else memory[c] for c in cells.tolist()], dtype=np.float64)
    else:
        result = cells.astype(np.float64)
    infinite = np.isinf(result)
    if infinite.any():
        row = int(infinite.argmax())
        rest = ": every number must be finite. Write one, or leave the cell empty."
        raise CellError(f"Column {name!r:.60} holds {result[row]}", row, rest)
    return result


def _number(cell: Any) -> float | None:
    """The number of a cell, NaN where it is missing, None where it is something else."""
    if cell is None:
        return math.nan
    if isinstance(cell, str):
        return as_number(cell)
    return None if isinstance(cell, np.datetime64) else float(cell)


def texts_of(cells: Array, *, numeric: bool) -> Array:
    """Cells as the names of categories (n,): texts, and None where one is missing.

    A whole number has no point: 3.0 is "3". `numeric`: texts that are numbers are written likewise, so that a column
    of numbers has the same categories whether a reader took it for texts or for numbers.
    """
    if cells.dtype.kind in "iu":
        items = cells.tolist()
    elif cells.dtype.kind == "f":
        items = [None if missing else item for item, missing in zip(cells.tolist(), np.isnan(cells), strict=True)]
    elif cells.dtype.kind == "M":
        items = [None if np.isnat(item) else item for item in cells]
    else:
        items = cells.tolist()
    names = {item: None if item is None else _text(item, numeric) for item in dict.fromkeys(items)}
    if cells.dtype == object and all(name is item for item, name in names.items()):
        return cells
    result = np.empty(len(items), dtype=object)
    result[:] = list(map(names.__getitem__, items))
    return result


def _text(item: Any, numeric: bool) -> str:
    if isinstance(item, str):
        if not numeric or as_number(item) is None:
            return item
        item = int(item) if item.lstrip("+-").isdigit() else float(item)
    if isinstance(item, float):
        return str(int(item)) if item.is_integer() and abs(item) < _EXACT else repr(item)
    if isinstance(item, np.datetime64):
        return str(item).removesuffix("T00:00:00")
    return str(item)


def truths_of(cells: Array, name: str) -> Floats:
    """Cells as 1 for yes, 0 for no and NaN where one is missing, (n,).

    Raises
    ------
    TableError
        If a cell is neither.
    """
    texts = texts_of(cells, numeric=True)
    meaning: dict[Any, float] = {None: math.nan}
    for text in dict.fromkeys(texts.tolist()):
        if text is not None:
            word = text.lower()
            if word not in YES and word not in NO:
                row = texts.tolist().index(text)
                rest = "write true or false, yes or no, 1 or 0, or leave the cell empty."
                raise CellError(f"Column {name!r:.60} holds {text!r:.40}", row, f", where yes or no belongs: {rest}")
            meaning[text] = float(word in YES)
    return np.array([meaning[text] for text in texts.tolist()], dtype=np.float64)
