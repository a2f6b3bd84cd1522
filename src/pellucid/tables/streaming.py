"""Training on a file that does not fit into memory: its rows come part by part, shuffled within a reservoir.

Contract: a `TableStream` reads its file twice when it is made (`survey.py`): once to find out what the columns are,
once to measure them; then `pieces(epoch, …)` reads it once more for each epoch. What is in memory at a time is the
reservoir (and a copy of half of it), the rows that are held out, the examples, and a few times `block` bytes of the
file; see `memory`.

The reservoir holds R encoded rows. When it is full and more rows come, R/2 rows of it, chosen at random, leave it as a
piece; what is left at the end is the last piece. So a row meets others from R rows around, and every row is used once
in an epoch. When the reservoir holds the whole file, there is a single piece, the rows in their order, and training is
the same to the bit as on arrays in memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pellucid.encoding.cells import Cells, TableError, rows_counted_from
from pellucid.encoding.encoder import CLIP, ONE_HOT_UP_TO
from pellucid.losses import Loss
from pellucid.network import Network
from pellucid.streams import Purpose, Stream
from pellucid.tables.files import BLOCK, TableFile, in_its_encoding
from pellucid.tables.kinds import check_kinds
from pellucid.tables.scan import OnProgress, Reading, columns_of, no_progress, scan
from pellucid.tables.table import Line, check_target, line_of
from pellucid.tables.targets import QUANTILES
from pellucid.training import History, Trainer
from pellucid.typing import Array, Floats
from pellucid.validation import check_integer, check_number, check_seed, unknown_name_message

SAMPLE = 100_000
"""From a uniform sample of this many rows the medians and quartiles of a column are taken; with fewer rows, from all.
"""

MOST_VALIDATION_ROWS = 20_000
"""No more rows than about these are held out, however large the file is."""

_RESERVOIR_BYTES = 128 * 2**20
_SAMPLE_BYTES = 64 * 2**20  # of the samples of all columns, where these do not become too small by it
_LEAST_SAMPLE = 10_000
_ENCODED_BYTES = 8 * 2**20  # of rows that are encoded at once
_KEPT_BYTES = 96 * 2**20  # of the rows that are kept as they are, and what a linear model makes of them
_OF_NUMBER, _OF_TEXT = 16, 500  # bytes a cell
_ROWS_AT_ONCE = 4096
_TASKS = {"number": "numbers", "category": "classes", "boolean": "classes"}
_ORDER = 64  # bytes a row that are in use while an order of the rows is drawn
_BLOCKS = 36  # this many times the bytes of a block are in use while it is decoded, by measurement


class TableStream:
    """A file as a stream of encoded rows.

    Parameters
    ----------
    source : path
        A file as `read_table` takes it; a compressed one is inflated as it is read.
    target : str
        The column to predict.
    kinds : mapping or None
        What columns are, where it should not be found out.
    task : str or None
        What the target is, as for `find_target`; None: a number where its column is one, else classes.
    loss, quantiles
        As for `find_target`.
    validation : float
        The fraction of the rows that is held out, but not more than about 20,000 rows.
    examples : int
        This many of the other rows, a uniform sample, are kept as they are; fewer where the table is wide.
    reservoir : int or None
        How many rows are shuffled among one another; None: as many as 128 MB hold.
    seed : int
        Where all random numbers start.
    block : int
        How many bytes of the file are read at once.
    sample : int
        From how many rows of each column the quartiles are taken; fewer where there are hundreds of columns.
    one_hot_up_to, clip
        As for `TableEncoder.fit`.
    on_progress : function
        Told, while the file is read for the first two times, what for, how many rows so far, and of how many.
    **csv
        What is known of a CSV file, as for `read_table`.

    Attributes
    ----------
    encoder : TableEncoder
        Measured on the training rows.
    columns : tuple of Column
        What the columns were taken for, the target among them.
    target : Target
        What is predicted.
    classes : tuple of str or None
        The names of the classes; None where the target is a number.
    rows, dropped : int
        How many rows have a target, and how many are not used since it is missing.
    train_rows : int
        How many rows an epoch has.
    validation : pair (x, y)
        The encoded rows that are held out, and their targets.
    held_out, examples : pair (Table, array (n,))
        The rows that are held out, and a sample of the others, as they are, and their targets.
    """

    def __init__(
        self,
        source: Any,
        target: str,
        *,
        kinds: Mapping[str, str] | None = None,
        task: str | None = None,
        loss: Loss | str | None = None,
        quantiles: Sequence[float] = QUANTILES,
        validation: float = 0.1,
        examples: int = 0,
        reservoir: int | None = None,
        seed: int = 0,
        block: int = BLOCK,
        sample: int = SAMPLE,
        one_hot_up_to: int = ONE_HOT_UP_TO,
        clip: float = CLIP,
        on_progress: OnProgress = no_progress,
        **csv: Any,
    ) -> None:
        check_number("validation", validation, minimum=0.0, below=1.0)
        check_integer("examples", examples)
        self.seed, self.block = check_seed(seed), check_integer("block", block, minimum=1)
        file = TableFile(source, **csv)
        if target not in file.names:
            raise TableError(unknown_name_message("The target", target, file.names))
        declared = check_kinds(kinds, list(file.names))
        (self.columns, texts), file = in_its_encoding(file, lambda each: columns_of(each, declared, block, on_progress))
        column = next(each for each in self.columns if each.name == target)
        self.source, self.notes = file.name, file.notes
        self.rows = 0 if column.kind == "ignore" else column.rows - column.missing
        self.dropped = column.rows - self.rows
        others = [each for each in self.columns if each is not column]
        check_target(column, others, self.source, known=self.rows)
        most = max(1000, _KEPT_BYTES // sum(_OF_NUMBER if each.kind == "number" else _OF_TEXT for each in others))
        share = min(validation, min(MOST_VALIDATION_ROWS, most) / column.rows)
        numbers = max(1, sum(each.kind in ("number", "date") for each in others))
        sample = min(sample, max(_LEAST_SAMPLE, _SAMPLE_BYTES // (8 * numbers)))
        self._reading = Reading(file, self.columns, column, texts, share, self.seed, block)
        found = scan(
            self._reading,
            examples=min(examples, most),
            encoding={"one_hot_up_to": one_hot_up_to, "clip": clip, "sample": sample, "seed": self.seed},
            goal={"asked": task or _TASKS.get(column.kind, "auto"), "loss": loss, "quantiles": quantiles},
            on_progress=on_progress,
        )
        self.encoder, self.target, self.moments = found.encoder, found.target, found.moments
        self.train_rows, self.held_out, self.examples = found.rows, found.held_out, found.examples
        table, y = self.held_out
        self.validation: tuple[Floats, Array] = (self.encoder.transform(Cells(table)), y)
        width = self.encoder.layout.width
        self.reservoir = max(1000, _RESERVOIR_BYTES // (4 * width + 8 + _ORDER))
        if reservoir is not None:
            self.reservoir = check_integer("reservoir", reservoir, minimum=2)
        self.reservoir = min(self.reservoir, max(2, self.train_rows))

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The names of the classes; None where the target is a number."""
        return self.target.class_names if self.target.task == "classes" else None

    @property
    def whole(self) -> bool:
        """Whether the reservoir holds all training rows, so that an epoch is a single piece."""
        return self.train_rows <= self.reservoir

    def describe(self) -> tuple[Line, ...]:
        """What each column but the target is, for a printed table."""
        return tuple(map(line_of, self._reading.inputs))

    @property
    def memory(self) -> int:
        """About how many bytes are in use, besides the program and what layers measure: 1½ reservoirs and an order of
        its rows, the rows that are held out, the examples, 36 blocks.
        """
        row = 4 * self.encoder.layout.width + 8
        reservoir = int(self.reservoir * (1.5 * row + _ORDER))
        raw = sum(_OF_NUMBER if column.kind == "number" else 8 * _OF_NUMBER for column in self._reading.inputs)
        kept = len(self.validation[0]) * (row + raw) + self.examples[0].rows * raw
        return reservoir + kept + _BLOCKS * self.block

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
                f"The reservoir holds {size:,} rows, but must hold at least two batches of {batch_size}: enlarge it, "
                f"or make batches smaller."
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

    def _encoded(self) -> Iterator[tuple[Floats, Array]]:
        """The training rows in the order of the file, a few at a time: encoded they may be far larger than there."""
        most = max(1000, _ENCODED_BYTES // (4 * self.encoder.layout.width))
        for part, trained, _ in self._reading.parts():
            here = np.flatnonzero(trained)
            for start in range(0, len(here), most):
                rows = part.take(here[start : start + most])
                with rows_counted_from(None):
                    yield self.encoder.transform(rows), self.target.encode(rows[self.target.name])


def _move_together(x: Floats, y: Array, rows: Array) -> None:
    """Put some rows, in ascending order, in front: each moves forward or stays, so that no copy of all is needed."""
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        some = rows[start : start + _ROWS_AT_ONCE]
        x[start : start + len(some)], y[start : start + len(some)] = x[some], y[some]


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
    batch = trainer.batch_size if isinstance(trainer.batch_size, int) else 32
    validation = stream.validation if len(stream.validation[0]) else None

    def learn(x: Floats, y: Array) -> bool:
        trainer.fit(x, y, epochs=1, validation=validation, progress=False)
        return not trainer.stopped

    go_on = True
    for _ in range(epochs):
        go_on = go_on and one_epoch(stream, lambda: [trainer.network], trainer.epoch, batch, learn)
    trainer.network.preprocessing = stream.encoder
    if stream.classes is not None:
        trainer.network.classes = stream.classes
    return trainer.history


def one_epoch(
    stream: TableStream,
    networks: Callable[[], Sequence[Network]],
    number: int,
    batch_size: int,
    learn: Callable[[Floats, Array], bool],
) -> bool:
    """Let networks learn from every piece of an epoch; their summaries then speak of all its rows.

    Parameters
    ----------
    stream : TableStream
        The rows.
    networks : function
        Answers those that learn, all of the same pieces, when a piece is done.
    number, batch_size : int
        Decides the random numbers; as for `TableStream.pieces`.
    learn : function
        Trains them on x (m, d) and y (m,), and returns whether to go on.

    Returns
    -------
    bool
        Whether to go on.
    """
    hashes, go_on = [], True
    for x, y in stream.pieces(number, batch_size):
        go_on = learn(x, y)
        hashes.append([network.training.data_hash for network in networks() if network.training is not None])
        del x, y  # before the next piece is made
        if not go_on:
            break
    if len(hashes) > 1:  # else the trainer has said it already
        for network, of_pieces in zip(networks(), zip(*hashes, strict=True), strict=True):
            data_hash = hashlib.sha256(" ".join(of_pieces).encode()).hexdigest()
            assert network.training is not None
            network.training = replace(network.training, rows=stream.train_rows, data_hash=data_hash)
    return go_on
