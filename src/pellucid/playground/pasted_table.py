"""A user's own CSV: text in, columns of numbers out, and a sentence where it cannot be.

Contract: `Table.read(text, name)` reads and limits; `choose` returns the target, the plane's two columns and the
other inputs. Nothing but `DataError` is raised, and its words are for people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pellucid.encoding.cells import MISSING, TableError
from pellucid.tables.csv_dialect import Dialect, dialect_of, rows_of
from pellucid.tables.numerals import number_in
from pellucid.typing import Array, Floats
from pellucid.validation import counted, unknown_name_message

MOST_BYTES = 16 * 2**20
MOST_ROWS = 20_000
MOST_COLUMNS = 50
_FEWEST_ROWS = 10
_MOST_CLASSES = 10


class DataError(ValueError):
    """Data that cannot be used; the message says why, and that nothing was changed."""


class Chosen(NamedTuple):
    """What a network gets of a table."""

    x: Floats
    """(n, columns): the plane's two first."""
    y: Array
    names: tuple[str, ...]
    classes: tuple[str, ...]
    target: str
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class PastedTable:
    """A CSV that was read.

    Parameters
    ----------
    name : str
        Of the file, for people.
    columns : tuple of str
        The names; column_1, … where the file has none.
    cells : tuple of tuples
        Row by row, texts, as long as there are columns.
    notes : tuple of str
        What was left out in reading.
    decimal : {".", ","}
        The decimal sign.
    """

    name: str
    columns: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    decimal: str = "."

    @staticmethod
    def read(text: str, name: str = "") -> PastedTable:
        """Read a CSV, its columns divided by commas, semicolons, tabs or bars; the first row may name them."""
        if len(text.encode("utf-8", "replace")) > MOST_BYTES:
            raise DataError(f"The file has more than {MOST_BYTES // 2**20} MB: take fewer rows. Nothing was changed.")
        text = text.lstrip("\ufeff")
        if not text.strip():
            raise DataError("The file is empty. Nothing was changed.")
        try:
            dialect = dialect_of(text, "The file")
            rows = [tuple(row) for _, row in rows_of(text, dialect, "The file") if any(row)]
        except TableError as error:
            raise DataError(f"{error} Nothing was changed.") from None
        return _table(rows, dialect, name or "own data")

    def choose(
        self, target: str | None = None, map: Sequence[str] | None = None, inputs: Sequence[str] | None = None
    ) -> Chosen:
        """Take the columns apart; None: the last column is the target, the first two of numbers are the plane's."""
        for column in (*([target] if target is not None else []), *(map or ()), *(inputs or ())):
            if column not in self.columns:
                raise DataError(f"{unknown_name_message('The column', column, self.columns)} Nothing was changed.")
        goal = self.columns[-1] if target is None else target
        numeric = {each: values for each in self.columns if (values := self._numbers(each)) is not None}
        able = [column for column in numeric if column != goal]
        if len(able) < 2:
            raise DataError(
                f"Two columns of numbers beside the target {goal!r} are needed for the map, and there are {len(able)}. "
                f"Nothing was changed."
            )
        for column in (*(map or ()), *(inputs or ())):
            if column not in able:
                raise DataError(
                    f"The column {column!r} is the target or holds text: choose another. Nothing was changed."
                )
        plane = list(map) if map is not None else able[:2] if not inputs or len(inputs) < 2 else list(inputs[:2])
        if len(plane) != 2 or plane[0] == plane[1]:
            raise DataError("The map needs two different columns. Nothing was changed.")
        used = plane + [column for column in (inputs if inputs is not None else able) if column not in plane]
        x = np.column_stack([numeric[column] for column in used])  # (n, columns), NaN where a cell is missing
        y, classes = self._target(goal, numeric)
        known = np.isfinite(x).all(axis=1) & (np.isfinite(y) if y.dtype.kind == "f" else y >= 0)
        notes = []
        texts = [column for column in self.columns if column not in numeric and column != goal]
        if texts:
            notes.append(f"Left out, for they hold text: {', '.join(texts)[:200]}.")
        if not known.all():
            notes.append(f"{(~known).sum():,} of {len(x):,} rows have missing values and are left out.")
        if known.sum() < _FEWEST_ROWS:
            raise DataError(
                f"At least {_FEWEST_ROWS} whole rows are needed, and there are {known.sum()}. Nothing was changed."
            )
        if classes and len(set(y[known].tolist())) < 2:
            raise DataError(f"The target {goal!r} has one class only: {classes[0]!r:.40}. Nothing was changed.")
        constant = [column for column, values in zip(used, x[known].T, strict=True) if np.ptp(values) == 0]
        if constant:
            notes.append(f"The same in every row: {', '.join(constant)[:200]}.")
        return Chosen(x[known], y[known], tuple(used), classes, goal, tuple(notes))

    def _column(self, name: str) -> list[str]:
        place = self.columns.index(name)
        return [row[place] for row in self.cells]

    def _numbers(self, name: str) -> Floats | None:
        """The column as numbers, NaN where a cell is missing; None if it holds text."""
        values = [_number(cell, self.decimal) for cell in self._column(name)]
        if any(value is None for value in values):
            return None
        column = np.array(values, dtype=np.float64)
        return column if np.isfinite(column).any() else None

    def _target(self, name: str, numeric: dict[str, Floats]) -> tuple[Array, tuple[str, ...]]:
        """Classes (−1: missing) with their names, or numbers: text and few whole numbers are classes."""
        if name in numeric:
            values = numeric[name]
            finite = values[np.isfinite(values)]
            few = np.unique(finite)
            if len(few) > _MOST_CLASSES or (few != np.floor(few)).any():
                return values, ()
            classes = np.where(np.isfinite(values), np.searchsorted(few, np.nan_to_num(values)), -1)
            return classes.astype(np.int64), tuple(f"{value:g}" for value in few)
        cells = self._column(name)
        names = sorted({cell for cell in cells if cell.lower() not in MISSING})
        if not 1 <= len(names) <= _MOST_CLASSES:
            raise DataError(
                f"The target {name!r} holds {len(names)} different texts, and there can be {_MOST_CLASSES} classes: "
                f"choose another column. Nothing was changed."
            )
        places = {each: place for place, each in enumerate(names)}
        return np.array([places.get(cell, -1) for cell in cells], dtype=np.int64), tuple(each[:40] for each in names)


def _table(rows: list[tuple[str, ...]], dialect: Dialect, name: str) -> PastedTable:
    width = max((len(row) for row in rows[:100]), default=0)
    if width < 2:
        raise DataError(
            "The file has one column: at least three are needed, two for the map and the target, divided by commas. "
            "Nothing was changed."
        )
    if width > MOST_COLUMNS:
        raise DataError(f"The file has {width} columns, and {MOST_COLUMNS} can be read. Nothing was changed.")
    names = [*dialect.names, *[""] * (width - len(dialect.names))]
    columns: list[str] = []
    for place, each in enumerate(names, start=1):
        wanted = each[:40] or f"column_{place}"
        columns.append(wanted if wanted not in columns else f"{wanted}_{place}")
    body, notes = rows[int(dialect.header) :], []
    whole = [row for row in body if len(row) == width]
    if len(whole) < len(body):
        odd = len(body) - len(whole)
        have, are = ("has", "is") if odd == 1 else ("have", "are")
        notes.append(f"{counted(odd, 'row')} {have} another number of columns than {width} and {are} left out.")
    if len(whole) < _FEWEST_ROWS:
        raise DataError(
            f"The file has {counted(len(whole), 'row')}, and at least {_FEWEST_ROWS} are needed. Nothing was changed."
        )
    if len(whole) > MOST_ROWS:
        notes.append(f"Of {len(whole):,} rows, {MOST_ROWS:,} are taken, spread evenly.")
        whole = [whole[int(place)] for place in np.linspace(0, len(whole) - 1, MOST_ROWS)]
    return PastedTable(name[:80], tuple(columns), tuple(whole), tuple(notes), dialect.decimal)


def _number(cell: str, decimal: str) -> float | None:
    """A cell's number, NaN if it is missing, None if it is text."""
    value = np.nan if cell.lower() in MISSING else number_in(cell, decimal)
    return value if value is None or abs(value) < 1e12 else np.nan
