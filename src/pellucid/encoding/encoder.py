"""The encoder of a table: from columns as people keep them to the rows of numbers that a network takes.

Contract: a `TableEncoder` is plain numbers and texts. It is measured on training rows once, travels in the model file
as JSON, and `transform` gives the same numbers for the same cells, whatever they were read from, whatever the order of
the columns, whatever stands beside them. It needs NumPy alone.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from pellucid.encoding.cells import NamedColumns, TableError, as_columns, cells_of, check_lengths
from pellucid.encoding.column import Column
from pellucid.encoding.encoded import CategoryColumn, EncodedColumn
from pellucid.encoding.measuring import measure_of
from pellucid.encoding.plain_columns import column_from, plain_column
from pellucid.typing import Floats
from pellucid.validation import check_integer, check_number

VERSION = 1
"""Of the JSON values that stand for an encoder."""

ONE_HOT_UP_TO = 8
CLIP = 3.0


def _plainly(name: str) -> str:
    """A name without what people write in different ways: capitals, spaces and other signs."""
    return "".join(sign for sign in name.casefold() if sign.isalnum())


class KnownTable(NamedColumns, Protocol):
    """What an encoder is measured on: a `Table`, whose columns have their kinds."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """What each column is."""

    def without(self, *names: str) -> KnownTable:
        """The table without some columns."""


class Layout(NamedTuple):
    """How many of each group there are in an encoded row, in this order."""

    numbers: int
    """Scaled numbers."""
    flags: int
    """±1, 1 for missing, one-hot."""
    cardinalities: tuple[int, ...]
    """For each category that is embedded, how many codes it has: 0 for missing or new, then its values."""

    @property
    def width(self) -> int:
        """The length of a row."""
        return self.numbers + self.flags + len(self.cardinalities)


@dataclass(frozen=True)
class TableEncoder:
    """Makes rows of numbers (n, d) from the columns of a table.

    Numbers are scaled by median and quartiles and clipped smoothly, with a flag for missing ones where there were some;
    dates become their parts; yes and no, and categories of two values, become one ±1; categories of a few values
    one-hot; those of many the codes of an embedding. A row holds all numbers, then the flags (±1, missing, one-hot),
    then the codes.

    Parameters
    ----------
    columns : tuple
        What becomes of each column, in the order of the table.
    left_out : tuple of pairs of str
        The columns that are not used, each with the reason.

    Examples
    --------
    >>> import pellucid as pl
    >>> columns = {"size": [1.0, 2.0, None, 4.0, 5.0], "colour": ["red", "blue", "red", None, "green"]}
    >>> encoder = TableEncoder.fit(pl.tables.Table.of(columns))
    >>> encoder.feature_names
    ('size', 'size missing', 'colour: blue', 'colour: green', 'colour: red')
    >>> encoder.transform({"colour": ["green", "violet"], "size": [3.0, None]})
    array([[0., 0., 0., 1., 0.],
           [0., 1., 0., 0., 0.]], dtype=float32)
    """

    columns: tuple[EncodedColumn, ...]
    left_out: tuple[tuple[str, str], ...] = field(default=())

    @staticmethod
    def fit(
        table: KnownTable, target: str | None = None, *, one_hot_up_to: int = ONE_HOT_UP_TO, clip: float = CLIP
    ) -> TableEncoder:
        """Measure the columns of training rows.

        Parameters
        ----------
        table : KnownTable
            The rows.
        target : str or None
            A column that is not to be encoded, since it is what the network learns.
        one_hot_up_to : int
            Categories of up to this many values are one-hot, others are embedded; two values are one ±1 in any case.
        clip : float
            What the absolute value of a scaled number stays below.
        """
        rest = table if target is None else table.without(target)
        return TableEncoder.measured(rest.columns, [rest], one_hot_up_to=one_hot_up_to, clip=clip)

    @staticmethod
    def measured(
        columns: Iterable[Column],
        parts: Iterable[NamedColumns],
        *,
        one_hot_up_to: int = ONE_HOT_UP_TO,
        clip: float = CLIP,
        sample: int | None = None,
        seed: int = 0,
    ) -> TableEncoder:
        """Measure columns of known kinds on rows that come part by part.

        Parameters
        ----------
        columns : iterable of Column
            What each column is.
        parts : iterable of mappings
            The columns of some rows each.
        sample : int or None
            How many numbers of each column the quartiles are taken from, a uniform sample; None: all.
        seed : int
            Where its random numbers start.
        """
        check_integer("one_hot_up_to", one_hot_up_to, minimum=0)
        check_number("clip", clip, above=0.0)
        columns = list(columns)
        measures = [
            measure_of(column, sample=sample, seed=seed, index=index)
            for index, column in enumerate(columns)
            if column.used
        ]
        for part in parts:
            cells = cells_of(part, [measure.column.name for measure in measures])
            for measure in measures:
                measure.add(cells[measure.column.name])
        results = {measure.column.name: measure.result(one_hot_up_to, float(clip)) for measure in measures}
        kept = tuple(result for result in results.values() if result is not None)
        if not kept:
            raise TableError("No column of the table is of use: each is left out, or missing in all rows.")
        empty = "missing in all training rows"
        left_out = [(c.name, c.reason if not c.used else empty) for c in columns if results.get(c.name) is None]
        return TableEncoder(kept, tuple(left_out))

    @property
    def layout(self) -> Layout:
        """How many numbers, flags and embedded categories there are."""
        names = [column.names for column in self.columns]
        flags = sum(len(each.signs) + len(each.missing) + len(each.one_hot) for each in names)
        codes = (c for c in self.columns if isinstance(c, CategoryColumn) and c.form == "code")
        return Layout(
            sum(len(each.numbers) for each in names), flags, tuple(len(column.values) + 1 for column in codes)
        )

    @property
    def feature_names(self) -> tuple[str, ...]:
        """What the numbers of a row are called; no name twice."""
        groups = zip(*(column.names for column in self.columns), strict=True)
        names: dict[str, None] = {}
        for name in (name for group in groups for part in group for name in part):
            number, free = 1, name
            while free in names:
                number += 1
                free = f"{name} ({number})"
            names[free] = None
        return tuple(names)

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns that a table must have."""
        return tuple(column.name for column in self.columns)

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The columns whose cells are to be read as the texts they are, even where they look like numbers."""
        return tuple(c.name for c in self.columns if isinstance(c, CategoryColumn) and not c.numeric)

    def transform(self, table: Any) -> Floats:
        """The rows of a table as numbers (n, d), float32.

        Parameters
        ----------
        table : mapping, data frame, Table, structured array or list of rows
            With at least the columns that the encoder was measured on, in any order. A category that is new counts as
            missing.

        Raises
        ------
        TableError
            If a column is not there, or a cell is nothing that its column holds.
        """
        given = as_columns(table)
        self.check_columns(given.keys())
        cells = cells_of(given, self.column_names)
        check_lengths({name: len(values) for name, values in cells.items()})
        encoded = [column.encode(cells[column.name]) for column in self.columns]
        parts = [part for group in zip(*encoded, strict=True) for part in group if part is not None]
        return np.concatenate(parts, axis=1, dtype=np.float32)

    def check_columns(self, names: Collection[str]) -> None:
        """Raise if a column is not among the names, with the nearest of them."""
        missing = [each for each in self.column_names if each not in names]
        if not missing:
            return
        listed = ", ".join(map(repr, missing[:10])) + (", …" if len(missing) > 10 else "")
        alike = {_plainly(str(name)): str(name) for name in names if _plainly(str(name))}
        near = [alike[_plainly(each)] for each in missing if _plainly(each) in alike]
        if not near and len(missing) == 1:
            near = difflib.get_close_matches(missing[0], map(str, names), n=1, cutoff=0.75)
        guess = f" Did you mean {', '.join(map(repr, near[:10]))}?" if near else ""
        raise TableError(
            f"The table has no column{'s' * (len(missing) > 1)} {listed}, which the network was trained with.{guess} "
            f"Add what is missing; where values are not known, leave the cells empty."
        )

    def to_plain(self) -> dict[str, Any]:
        """All of the encoder as JSON values; floats are exact."""
        return {
            "version": VERSION,
            "columns": list(map(plain_column, self.columns)),
            "left_out": [list(pair) for pair in self.left_out],
        }

    @staticmethod
    def from_plain(data: Any) -> TableEncoder:
        """The encoder that `to_plain` wrote.

        Raises
        ------
        ValueError
            If something in it is not what it should be.
        """
        if not isinstance(data, Mapping) or set(data) != {"version", "columns", "left_out"}:
            raise ValueError(f"the preprocessing must be a table of version, columns and left_out, not {data!r:.60}.")
        if data["version"] != VERSION:
            raise ValueError(
                f"the preprocessing has version {data['version']!r:.20}, and this Pellucid knows {VERSION}."
            )
        if not isinstance(data["columns"], list) or not data["columns"]:
            raise ValueError(f"the preprocessing has no list of columns, but {data['columns']!r:.60}.")
        columns = tuple(map(column_from, data["columns"]))
        left_out = data["left_out"]
        if not isinstance(left_out, list) or not all(
            isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) for text in pair)
            for pair in left_out
        ):
            raise ValueError(f"the columns left out must be pairs of texts, not {left_out!r:.60}.")
        names = [column.name for column in columns]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"the preprocessing names the column {name!r:.60} twice.")
        return TableEncoder(columns, tuple((name, reason) for name, reason in left_out))
