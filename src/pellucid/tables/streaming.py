"""Training on a file that does not fit into memory: its rows come part by part, shuffled within a reservoir.

Contract: a `TableStream` reads its file twice when it is made: once to find out what the columns are, once to measure
them (`TableEncoder`); then `pieces(epoch, …)` reads it once more for each epoch. What is in memory at a time is the
reservoir (and a copy of half of it), the validation rows, and a few times `block` bytes of the file; see `memory`.

The reservoir holds R encoded rows. When it is full and more rows come, R/2 rows of it, chosen at random, leave it as a
piece; what is left at the end is the last piece. So a row meets others from R rows around, and every row is used once
in an epoch. When the reservoir holds the whole file, there is a single piece, the rows in their order, and training is
the same to the bit as on arrays in memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from pellucid.streams import Purpose, Stream
from pellucid.tables.cells import Cells, TableError, kind_given, rows_counted_from
from pellucid.tables.encoded import CategoryColumn
from pellucid.tables.encoder import CLIP, ONE_HOT_UP_TO, TableEncoder
from pellucid.tables.files import BLOCK, TableFile, in_its_encoding
from pellucid.tables.kinds import Column, ColumnSummary, check_kinds
from pellucid.tables.measuring import Measure, measure_of
from pellucid.tables.reading import is_nothing
from pellucid.tables.table import column_values, missing_in
from pellucid.training import History, Trainer
from pellucid.typing import Array, Floats
from pellucid.validation import check_integer, check_number, check_seed, unknown_name

SAMPLE = 100_000
"""From a uniform sample of so many rows the medians and quartiles of a column are taken; with fewer rows, from all."""

MOST_VALIDATION_ROWS = 20_000
"""No more rows than about these are held out, however large the file is."""

_RESERVOIR_BYTES = 128 * 2**20
_ROWS_AT_ONCE = 4096
_ORDER = 64  # bytes a row that are in use while an order of the rows is drawn
_BLOCKS = 36  # so many times the bytes of a block are in use while it is decoded, by measurement


class TableStream:
    """A file as a stream of encoded rows.

    Parameters
    ----------
    source : path
        A file as `read_table` takes it; a compressed one is inflated as it is read.
    target : str
        The column to predict: a number, or a category, whose values are the classes.
    kinds : mapping or None
        What columns are, where it should not be found out.
    validation : float
        The fraction of the rows that is held out, but not more than about 20,000 rows.
    reservoir : int or None
        How many rows are shuffled among one another; None: as many as 128 MB hold.
    seed : int
        Where all random numbers start.
    block : int
        How many bytes of the file are read at once.
    sample : int
        From how many rows of each column the quartiles are taken.
    one_hot_up_to, clip
        As for `TableEncoder.fit`.
    **csv
        What is known of a CSV file, as for `read_table`.

    Attributes
    ----------
    encoder : TableEncoder
        Measured on the training rows.
    columns : tuple of Column
        What the columns were taken for, the target among them.
    classes : tuple of str or None
        The names of the classes; None where the target is a number.
    rows, dropped : int
        How many rows the file has, and how many are not used since their target is missing.
    train_rows : int
        How many rows an epoch has.
    validation : pair (x, y)
        The encoded rows that are held out, and their targets.
    """

    def __init__(
        self,
        source: Any,
        target: str,
        *,
        kinds: Mapping[str, str] | None = None,
        validation: float = 0.1,
        reservoir: int | None = None,
        seed: int = 0,
        block: int = BLOCK,
        sample: int = SAMPLE,
        one_hot_up_to: int = ONE_HOT_UP_TO,
        clip: float = CLIP,
        **csv: Any,
    ) -> None:
        check_number("validation", validation, minimum=0.0, below=1.0)
        self.seed, self.block = check_seed(seed), check_integer("block", block, minimum=1)
        file = TableFile(source, **csv)
        if target not in file.names:
            raise TableError(unknown_name("The target", target, file.names))
        declared = check_kinds(kinds, list(file.names))
        (self.columns, self._texts), self.file = in_its_encoding(file, lambda each: _kinds_of(each, declared, block))
        self.target = next(column for column in self.columns if column.name == target)
        if self.target.kind not in ("number", "category", "boolean"):
            raise TableError(
                f"The target {target!r:.60} is a {self.target.kind} ({self.target.reason}), which cannot be predicted: "
                f"say what it is, {kind_given(target, 'number')} or 'category', or take another column."
            )
        self.rows = self.target.rows
        self._share = min(validation, MOST_VALIDATION_ROWS / self.rows)
        self.dropped = self.target.missing
        self._measure(one_hot_up_to, clip, sample)
        width = self.encoder.layout.width
        self.reservoir = max(1000, _RESERVOIR_BYTES // (4 * width + 8 + _ORDER))
        if reservoir is not None:
            self.reservoir = check_integer("reservoir", reservoir, minimum=2)
        self.reservoir = min(self.reservoir, max(2, self.train_rows))

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found out of the file."""
        return self.file.notes

    @property
    def memory(self) -> int:
        """About how many bytes are in use, besides the program and what layers measure: 1½ reservoirs and an order of
        its rows, the validation rows, 36 blocks.
        """
        row = 4 * self.encoder.layout.width + 8
        reservoir = int(self.reservoir * (1.5 * row + _ORDER))
        return reservoir + len(self.validation[0]) * row + _BLOCKS * self.block

    def pieces(self, epoch: int, batch_size: int = 1) -> Iterator[tuple[Floats, Array]]:
        """The training rows of an epoch: inputs (m, d) and targets (m,), piece by piece.

        Parameters
        ----------
        epoch : int
            Decides the random numbers.
        batch_size : int
            All pieces but the last are a multiple of it, so that no step has fewer rows.
        """
        size = self.reservoir
        leave = size // 2 // batch_size * batch_size
        if not leave and size < self.train_rows:
            raise ValueError(
                f"The reservoir holds {size:,} rows, but must hold at least two batches of {batch_size}: enlarge it."
            )
        x = np.empty((size, self.encoder.layout.width), dtype=np.float32)
        y = np.empty(size, dtype=np.float64 if self.classes is None else np.int64)
        filled, piece = 0, 0
        for inputs, targets in self._encoded():
            start = 0
            while start < len(inputs):
                if filled == size:
                    order = Stream(self.seed, Purpose.DATA, 2, epoch << 32 | piece).permutation(size)
                    yield x[order[:leave]], y[order[:leave]]
                    _move_together(x, y, np.sort(order[leave:]))
                    filled, piece = size - leave, piece + 1
                count = min(size - filled, len(inputs) - start)
                x[filled : filled + count] = inputs[start : start + count]
                y[filled : filled + count] = targets[start : start + count]
                filled, start = filled + count, start + count
        yield x[:filled], y[:filled]

    # -- passes --------------------------------------------------------------------------------------------------

    def _parts(self) -> Iterator[tuple[Cells, Array, Array]]:
        """The columns part by part, with which rows are trained on and which are held out."""
        wanted = [column.name for column in self.columns if column.used]
        first, stream = 0, Stream(self.seed, Purpose.DATA, 1)
        for part in self.file.parts(texts=self._texts, only=wanted, block=self.block):
            count = len(part[self.target.name])
            with rows_counted_from(first):
                part[self.target.name] = column_values(part[self.target.name], self.target)
            known = ~missing_in(part[self.target.name])
            held_out = stream.uniform((count, 1), first_row=first)[:, 0] < self._share
            yield part, known & ~held_out, known & held_out
            first += count

    def _measure(self, one_hot_up_to: int, clip: float, sample: int) -> None:
        """The second pass: the encoder from the training rows, the classes, and the rows that are held out."""
        inputs = [column for column in self.columns if column.name != self.target.name]
        held: dict[str, list[Array]] = {column.name: [] for column in self.columns if column.used}
        classes: Measure | None = None
        if self.target.kind != "number":
            classes = measure_of(replace(self.target, kind="category", numeric=self._numeric_target))
        self.train_rows = 0

        def training_rows() -> Iterator[Cells]:
            for part, trained, held_out in self._parts():
                self.train_rows += int(trained.sum())
                if classes is not None:
                    classes.add(part[self.target.name])
                for name, cells in part.items():
                    held[name].append(cells[held_out])
                yield part.take(trained)

        options: dict[str, Any] = {"one_hot_up_to": one_hot_up_to, "clip": clip, "sample": sample, "seed": self.seed}
        with rows_counted_from(None):
            self.encoder = TableEncoder.measured(inputs, training_rows(), **options)
        self._classes = None if classes is None else classes.result(0, clip)
        if not self.train_rows:
            raise TableError(f"{self.file.name} has no row to learn from: in none is {self.target.name!r:.60} known.")
        parts = zip(*held.values(), strict=True)
        encoded = [self._rows(Cells(zip(held, columns, strict=True))) for columns in parts]
        self.validation = (
            np.concatenate([x for x, _ in encoded]),
            np.concatenate([y for _, y in encoded]),
        )

    @property
    def _numeric_target(self) -> bool:
        return self.target.numeric or self.target.kind == "boolean"

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The names of the classes; None where the target is a number."""
        return self._classes.values if isinstance(self._classes, CategoryColumn) else None

    def _encoded(self) -> Iterator[tuple[Floats, Array]]:
        """The training rows in the order of the file."""
        for part, trained, _ in self._parts():
            if trained.any():
                yield self._rows(part.take(trained))

    def _rows(self, part: Cells) -> tuple[Floats, Array]:
        """Encoded rows and targets of some columns; none where there are no rows."""
        target = part[self.target.name]
        y = target if self._classes is None else self._classes.codes(target) - 1  # type: ignore[union-attr]
        return self.encoder.transform(part), y


def _move_together(x: Floats, y: Array, rows: Array) -> None:
    """Put some rows, in ascending order, in front: each moves forward or stays, so that no copy of all is needed."""
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        some = rows[start : start + _ROWS_AT_ONCE]
        x[start : start + len(some)], y[start : start + len(some)] = x[some], y[some]


def _kinds_of(file: TableFile, declared: Mapping[str, str], block: int) -> tuple[tuple[Column, ...], frozenset[str]]:
    """The first pass: what the columns are, and which of them are to be read as texts.

    A column of numbers in some parts of the file and texts in others is read once more, as texts in all.
    """
    texts: set[str] = set()
    while True:
        read = [name for name in file.names if declared.get(name) != "ignore"]
        summaries = {name: ColumnSummary(name, declared.get(name)) for name in read}
        forms: dict[str, set[bool]] = {name: set() for name in read}
        for part in file.parts(texts=texts, only=read, block=block):
            for name, cells in part.items():
                summaries[name].add(cells)
                if not is_nothing(cells):
                    forms[name].add(cells.dtype == object)
        mixed = {name for name, found in forms.items() if len(found) > 1} - texts
        if not mixed:
            break
        texts |= mixed
    rows = max(summary.rows for summary in summaries.values())
    if not rows:
        raise TableError(f"{file.name} has names of columns but no rows.")
    columns = tuple(
        summaries[name].column() if name in summaries else Column(name, "ignore", "declared", rows, 0, ())
        for name in file.names
    )
    return columns, frozenset(texts)


def fit_stream(trainer: Trainer, stream: TableStream, *, epochs: int) -> History:
    r"""Train on a stream: `Trainer.fit`, piece by piece.

    A piece is an epoch to the trainer: after each, the validation rows are measured and callbacks are woken, so that
    the patience of early stopping counts pieces. A file that the reservoir holds is one piece.

    Parameters
    ----------
    trainer : Trainer
        Of a network whose inputs are the encoder's rows. Called again, training goes on.
    stream : TableStream
        The rows.
    epochs : int
        How many times the file is read; fewer if a callback stops.

    Returns
    -------
    History
        A row for each piece so far.

    Examples
    --------
    >>> import os, tempfile, pellucid as pl
    >>> path = os.path.join(tempfile.mkdtemp(), "t.csv")
    >>> with open(path, "w") as file:
    ...     _ = file.write("x,y\n" + "".join(f"{i % 100},{i % 100 / 50}\n" for i in range(1000)))
    >>> stream = TableStream(path, "y", reservoir=400)
    >>> trainer = pl.Trainer(pl.Network([pl.Dense(1)]), pl.SquaredError(), pl.Adam(0.1), batch_size=20)
    >>> len(fit_stream(trainer, stream, epochs=2)), stream.train_rows, stream.reservoir
    (8, 900, 400)
    """
    check_integer("epochs", epochs, minimum=1)
    network = trainer.network
    batch = trainer.batch_size if isinstance(trainer.batch_size, int) else 32
    validation = stream.validation if len(stream.validation[0]) else None
    for _ in range(epochs):
        hashes = []
        for x, y in stream.pieces(trainer.epoch, batch):
            trainer.fit(x, y, epochs=1, validation=validation)
            assert network.training is not None
            hashes.append(network.training.data_hash)
            del x, y  # before the next piece is made
            if trainer.stopped:
                break
        if len(hashes) > 1 and network.training is not None:  # else the trainer has said it already
            data_hash = hashlib.sha256(" ".join(hashes).encode()).hexdigest()
            network.training = replace(network.training, rows=stream.train_rows, data_hash=data_hash)
        if trainer.stopped:
            break
    network.preprocessing = stream.encoder
    if stream.classes is not None:
        network.classes = stream.classes
    return trainer.history
