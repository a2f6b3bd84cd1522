"""What has to be known of a file before anything can be learnt from it part by part, found out in two passes.

Contract: `columns_of` reads a file once and says what its columns are; a `Reading` goes through its rows part by part
and says which of them are trained on and which are held out; `scan` reads them once and measures all that training
and its report need: the encoder, the target, its moments, the rows that are held out, a sample of the others. Memory
does not grow with the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.encoding.cells import Cells, TableError, rows_counted_from
from pellucid.encoding.column import Column
from pellucid.encoding.encoder import TableEncoder
from pellucid.encoding.sampling import RowSample, gathered
from pellucid.losses import TargetScaling
from pellucid.streams import Purpose, Stream
from pellucid.tables.files import TableFile
from pellucid.tables.kinds import ColumnSummary
from pellucid.tables.reading import is_nothing
from pellucid.tables.table import Table, column_values, missing_in
from pellucid.tables.targets import Target, target_of_values
from pellucid.tables.value_counts import Tally
from pellucid.typing import Array, Floats

MOST_CLASSES = 10_000
"""This many different values of a target are told apart."""

OnProgress = Callable[[str, int, int | None], None]
"""Told while a file is read: what for, how many rows so far, of how many."""


def no_progress(words: str, rows: int, of: int | None) -> None:
    """Nobody is told."""


def columns_of(
    file: TableFile, declared: Mapping[str, str], block: int, on_progress: OnProgress = no_progress
) -> tuple[tuple[Column, ...], frozenset[str]]:
    """The first pass: what the columns are, and which of them are to be read as texts.

    A column of numbers in some parts of the file and texts in others is read once more, as texts in all; a declared
    category is a text from the start, as it stands in the file.
    """
    texts = {name for name, kind in declared.items() if kind == "category"}
    while True:
        read = [name for name in file.names if declared.get(name) != "ignore"]
        summaries = {name: ColumnSummary(name, declared.get(name)) for name in read}
        forms: dict[str, set[bool]] = {name: set() for name in read}
        rows = 0
        for part in file.parts(texts=texts, only=read, block=block):
            for name, cells in part.items():
                summaries[name].add(cells)
                if not is_nothing(cells):
                    forms[name].add(cells.dtype == object)
            rows = max(summary.rows for summary in summaries.values())
            on_progress("finding out what the columns are", rows, None)
        mixed = {name for name, found in forms.items() if len(found) > 1} - texts
        if not mixed:
            break
        texts |= mixed
    if not rows:
        raise TableError(f"{file.name} has names of columns but no rows.")
    columns = tuple(
        summaries[name].column() if name in summaries else Column(name, "ignore", "declared", rows, 0, ())
        for name in file.names
    )
    return columns, frozenset(texts)


@dataclass(frozen=True)
class Reading:
    """The rows of a file whose columns are known.

    Parameters
    ----------
    file : TableFile
        The file.
    columns, target : tuple of Column, Column
        All columns, and which of them is predicted.
    texts : frozenset of str
        The columns that are read as texts.
    share : float
        How much of the rows is held out.
    seed, block : int
        Decides which ones; how many bytes are read at once.
    """

    file: TableFile
    columns: tuple[Column, ...]
    target: Column
    texts: frozenset[str]
    share: float
    seed: int
    block: int

    @property
    def inputs(self) -> tuple[Column, ...]:
        """All columns but the target."""
        return tuple(column for column in self.columns if column.name != self.target.name)

    def parts(self) -> Iterator[tuple[Cells, Array, Array]]:
        """The columns that are used, part by part, with which rows are trained on and which are held out."""
        wanted = [column.name for column in self.columns if column.used or column is self.target]
        first, stream = 0, Stream(self.seed, Purpose.DATA, 1)
        for part in self.file.parts(texts=self.texts, only=wanted, block=self.block):
            count = len(part[self.target.name])
            with rows_counted_from(first):
                part[self.target.name] = column_values(part[self.target.name], self.target)
            known = ~missing_in(part[self.target.name])
            held_out = stream.uniform((count, 1), first_row=first)[:, 0] < self.share
            yield part, known & ~held_out, known & held_out
            first += count

    def typed(self, part: Cells, rows: Array) -> Cells:
        """Some rows of a part, each column as its kind has it, as in a `Table`."""
        return Cells({c.name: column_values(part[c.name][rows], c) for c in self.columns if c.name in part})

    def table(self, rows: Cells) -> Table:
        """The columns of such rows that are used, without the target."""
        used = tuple(column for column in self.inputs if column.used)
        return Table(self.file.name, used, {column.name: rows[column.name] for column in used}, self.file.notes)


class Moments:
    """Mean, deviation, smallest and largest of numbers that come part by part.

    Source: Chan, Golub and LeVeque, "Algorithms for computing the sample variance", The American Statistician 37, 1983.
    """

    def __init__(self) -> None:
        self.rows, self.mean, self._squares = 0, 0.0, 0.0
        self.low, self.high = np.inf, -np.inf

    def add(self, numbers: Floats) -> None:
        """See further numbers (n,)."""
        count = len(numbers)
        if not count:
            return
        mean, together = float(numbers.mean()), self.rows + count
        self._squares += float(np.square(numbers - mean).sum()) + (mean - self.mean) ** 2 * self.rows * count / together
        self.mean += (mean - self.mean) * count / together
        self.rows = together
        self.low, self.high = min(self.low, float(numbers.min())), max(self.high, float(numbers.max()))

    def unit(self, *, standardize: bool, clamp: bool) -> TargetScaling:
        """What `TargetScaling.measured` returns for the same numbers, but for rounding."""
        deviation = float(np.sqrt(self._squares / self.rows))
        scale = {"mean": self.mean, "scale": deviation or 1.0} if standardize else {}
        return TargetScaling(**scale, **({"low": self.low, "high": self.high} if clamp else {}))


@dataclass(frozen=True, eq=False)
class Survey:
    """What the second pass finds.

    Parameters
    ----------
    target : Target
        What is predicted.
    encoder : TableEncoder
        Measured on the rows that are trained on.
    rows : int
        How many rows are trained on.
    moments : Moments or None
        Of their targets, where these are numbers.
    held_out, examples : pair (Table, array (n,))
        The rows that are held out, and a sample of the others, with their encoded targets.
    """

    target: Target
    encoder: TableEncoder
    rows: int
    moments: Moments | None
    held_out: tuple[Table, Array]
    examples: tuple[Table, Array]


def scan(
    reading: Reading,
    *,
    examples: int,
    encoding: Mapping[str, Any],
    goal: Mapping[str, Any],
    on_progress: OnProgress = no_progress,
) -> Survey:
    """The second pass.

    Parameters
    ----------
    reading : Reading
        The rows.
    examples : int
        How many of those that are trained on are kept as they are.
    encoding, goal : mapping
        The options of `TableEncoder.measured` and of `target_of_values`.
    on_progress : function
        Told of how far it is.
    """
    name = reading.target.name
    held_out_parts: list[Cells] = []
    kept = RowSample(examples, seed=reading.seed)
    tally, moments = Tally(MOST_CLASSES), Moments()
    seen = rows = 0

    def chooser(part: Cells, rows: Array) -> Callable[[Array], Cells]:
        return lambda some: reading.typed(part, rows[some])

    def training_rows() -> Iterator[Cells]:
        nonlocal seen, rows
        for part, trained, held_out in reading.parts():
            cells = part[name]
            seen, rows = seen + len(cells), rows + int(trained.sum())
            tally.add(cells[trained | held_out])
            with suppress(TypeError, ValueError):  # names of classes
                moments.add(np.asarray(cells[trained], dtype=np.float64))
            held_out_parts.append(reading.typed(part, held_out))
            kept.add(int(trained.sum()), chooser(part, np.flatnonzero(trained)))
            on_progress("measuring them", seen, reading.target.rows)
            yield part.take(trained)

    with rows_counted_from(None):
        encoder = TableEncoder.measured(reading.inputs, training_rows(), **encoding)
    if not rows:
        raise TableError(f"{reading.file.name} has no row to learn from: in none is {name!r:.60} known.")
    target = target_of_values(tally, name, **goal)

    def with_targets(cells: Cells) -> tuple[Table, Array]:
        return reading.table(cells), target.encode(cells[name])

    return Survey(
        target,
        encoder,
        rows,
        moments if moments.rows == rows else None,
        with_targets(gathered(held_out_parts)),
        with_targets(kept.kept or held_out_parts[0].take(np.zeros(0, dtype=np.int64))),
    )
