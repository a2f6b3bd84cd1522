"""A table in memory: named columns with a kind each, as arrays that NumPy alone reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from pellucid.encoding.cells import (
    TableError,
    as_cells,
    as_columns,
    check_lengths,
    check_names,
    kind_given,
    numbers_of,
    texts_of,
    truths_of,
)
from pellucid.encoding.column import Column
from pellucid.encoding.dates import dates_of
from pellucid.tables.kinds import ColumnSummary, check_kinds
from pellucid.typing import Array
from pellucid.validation import counted, unknown_name_message

FEWEST_ROWS = 10
"""With less there is nothing to learn from and to measure on."""


class Line(NamedTuple):
    """What a printed table says of a column."""

    name: str
    kind: str
    seen_by: str
    missing: int
    examples: str
    """From where to where numbers go, and the first different cells of other columns."""
    decision: str


@dataclass(frozen=True, eq=False)
class Table(Mapping[str, Array]):
    """Columns by name, each with its kind.

    `table["age"]` is the column as an array (n,): float64 with NaN for numbers; objects, texts or None, for categories
    and for yes and no; datetime64[s] with NaT for dates; and as it was found where it is left out.

    Parameters
    ----------
    source : str
        Where it comes from, for people.
    columns : tuple of Column
        In the order of the file.
    values_of : mapping
        The columns' arrays.
    notes : tuple of str
        What was found out in reading.

    Examples
    --------
    >>> table = Table.of({"size": [1.5, None, 4.0, 2.0], "colour": ["red", "blue", "red", None]})
    >>> table["size"]
    array([1.5, nan, 4. , 2. ])
    >>> [(column.name, column.kind, column.missing) for column in table.columns]
    [('size', 'number', 1), ('colour', 'category', 1)]
    """

    source: str
    columns: tuple[Column, ...]
    values_of: Mapping[str, Array] = field(repr=False)
    notes: tuple[str, ...] = ()

    @staticmethod
    def of(
        source: Any, kinds: Mapping[str, str] | None = None, *, name: str = "table", notes: tuple[str, ...] = ()
    ) -> Table:
        """The table of a data frame, a mapping of names to columns, a structured array, or a list of rows.

        Parameters
        ----------
        kinds : mapping or None
            What columns are, where it should not be found out: "number", "category", "boolean", "date" or "ignore".
        name : str
            What messages call it.

        Raises
        ------
        TableError
            If a column cannot be used; the message says why and what to do.
        """
        raw = as_columns(source)
        names = list(raw)
        check_names(names)
        declared = check_kinds(kinds, names)
        columns, values = [], {}
        for each in names:
            if declared.get(each) == "ignore":
                cells = np.asarray(raw[each], dtype=object)
                columns.append(Column(each, "ignore", "declared", len(cells), 0, ()))
                values[each] = cells
                continue
            cells = as_cells(raw[each], each)
            summary = ColumnSummary(each, declared.get(each))
            summary.add(cells)
            columns.append(summary.column())
            values[each] = column_values(cells, columns[-1])
        if not names:
            raise TableError(f"{name} has no columns.")
        check_lengths({each: len(cells) for each, cells in values.items()})
        if not len(values[names[0]]):
            raise TableError(f"{name} has names of columns but no rows.")
        return Table(name, tuple(columns), values, notes)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.values_of[self.columns[0].name])

    def __getitem__(self, name: str) -> Array:
        return self.values_of[self.column(name).name]

    def __iter__(self) -> Iterator[str]:
        return (column.name for column in self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def __repr__(self) -> str:
        """The source, rows and columns."""
        return f"Table({self.source!r}: {counted(self.rows, 'row')}, {counted(len(self), 'column')})"

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    def column(self, name: str) -> Column:
        """What is known of a column; an unknown name is answered with the nearest one."""
        if isinstance(name, str) and name in self._by_name:
            return self._by_name[name]
        raise TableError(unknown_name_message("Column", name, [column.name for column in self.columns]))

    def take(self, rows: Any) -> Table:
        """The table of some rows, by their numbers or by a mask; kinds stay as they were found on all."""
        return replace(self, values_of={name: values[rows] for name, values in self.values_of.items()})

    def without(self, *names: str) -> Table:
        """The table without some columns."""
        gone = {self.column(name).name for name in names}
        kept = tuple(column for column in self.columns if column.name not in gone)
        if not kept:
            raise TableError(
                f"{self.source} has no column besides {', '.join(map(repr, names))}: there is nothing to learn from."
            )
        return replace(self, columns=kept, values_of={column.name: self.values_of[column.name] for column in kept})

    def split_target(self, name: str, *, fewest: int = FEWEST_ROWS) -> tuple[Table, Array, int]:
        """The other columns, the target (n,), and how many rows were dropped because their target is missing.

        Raises
        ------
        TableError
            If there is no such column, no other one that is used, or less than `fewest` rows with a target.
        """
        target = self[name]
        missing = missing_in(target)
        dropped = int(missing.sum())
        others = [column for column in self.columns if column.name != name]
        check_target(self.column(name), others, self.source, known=self.rows - dropped, fewest=fewest)
        rest = self.without(name)
        if dropped:
            rest, target = rest.take(~missing), target[~missing]
        return rest, target, dropped

    def describe(self) -> tuple[Line, ...]:
        """What each column is, for a printed table."""
        return tuple(map(line_of, self.columns))


def line_of(column: Column) -> Line:
    """What a printed table says of a column."""
    examples = column.reach or ", ".join(column.examples)
    return Line(column.name, column.kind, column.reason, column.missing, examples, column.decision)


def check_target(
    target: Column, others: Sequence[Column], source: str, *, known: int, fewest: int = FEWEST_ROWS
) -> None:
    """Raise unless `known` rows with a target are enough, and another column is used to learn it from."""
    name = target.name
    if not known:
        raise TableError(f"Column {name!r} is the target, but no row of {source} has one.")
    if target.kind == "date":
        raise TableError(
            f"The target {name!r:.60} is a date ({target.reason}), which cannot be predicted: say what it is, "
            f"{kind_given(name, 'number')} or 'category', or take another column."
        )
    if not others:
        raise TableError(f"{source} has no column besides {name!r}: there is nothing to learn from.")
    if known < fewest:
        raise TableError(
            f"{source} has {counted(known, 'row')} with a target, and at least {fewest} are needed: some to learn "
            f"from, others to measure on. Add rows."
        )
    if not any(column.used for column in others):
        reasons = "; ".join(f"{column.name!r:.40}: {column.reason}" for column in others[:3])
        raise TableError(
            f"{source} has nothing to learn {name!r} from: all other columns are left out ({reasons}). "
            f"Say what a column is with {kind_given(others[0].name, 'category')}, if it is of use."
        )


def column_values(cells: Array, column: Column) -> Array:
    """The cells of a column as its kind has them."""
    if column.kind == "number":
        return numbers_of(cells, column.name, lenient=column.lenient)
    if column.kind == "date":
        return dates_of(cells, column.name, column.order)
    if column.kind == "boolean":
        truths_of(cells, column.name)  # raises where a cell is neither
        return texts_of(cells, numeric=True)
    if column.kind == "category":
        return texts_of(cells, numeric=column.numeric)
    return cells


def missing_in(values: Array) -> Array:
    """Which values of a column are missing, (n,) of bool."""
    if values.dtype.kind == "f":
        return np.isnan(values)
    if values.dtype.kind == "M":
        return np.isnat(values)
    return np.array([value is None for value in values.tolist()], dtype=bool)
