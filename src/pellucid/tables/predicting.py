"""From a file of rows to a file of the same rows with predictions beside them, part by part.

Contract: `predict_file` reads any table that `read_table` reads, its columns in any order, and writes CSV whose first
columns are those of the file as they stand there, with the delimiter and the decimal sign of a CSV file that was read.
The output is there whole or not at all.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

import numpy as np

from pellucid.encoding.cells import TableError, rows_counted_from
from pellucid.encoding.encoder import TableEncoder
from pellucid.losses import Loss, Quantile
from pellucid.storage.atomic import write_atomically
from pellucid.tables.files import BLOCK, TableFile, arrow, in_its_encoding
from pellucid.typing import Array, Floats


class Predictor(Protocol):
    """What predicts: a network, or something like it."""

    preprocessing: TableEncoder | None
    classes: tuple[str, ...] | None
    link: str
    loss: Loss | None

    def predict(self, x: Any) -> Array:
        """Predictions for encoded rows."""

    def predict_proba(self, x: Any) -> Floats:
        """Probabilities for encoded rows."""


class Written(NamedTuple):
    """What `predict_file` wrote."""

    path: Path
    rows: int
    columns: tuple[str, ...]
    """The names of the columns that were added."""


def encoder_of(network: Predictor) -> TableEncoder:
    """The encoder in a network; an error if there is none."""
    if network.preprocessing is None:
        raise TableError(
            "The network does not know the columns of a table: it was trained on rows of numbers. Train it on a table, "
            "or set network.preprocessing = TableEncoder.fit(table)."
        )
    return network.preprocessing


def answers(network: Predictor, x: Floats, *, probabilities: bool = False) -> dict[str, Array]:
    """What a network says of encoded rows x (n, d), as named columns (n,).

    For classes the `prediction` and its `probability`, or with `probabilities` that of every class; for numbers the
    `prediction`; for quantiles one column each.

    Raises
    ------
    ValueError
        If `probabilities` are asked of a network that knows none.
    """
    if network.link not in ("softmax", "sigmoid"):
        if probabilities:
            network.predict_proba(x[:1])  # raises, with the loss's name
        predicted = network.predict(x)  # (n,) or (n, outputs)
        if network.link in ("argmax", "sign") and predicted.ndim == 1:
            return {"prediction": _names(network, predicted)}
        table = predicted.reshape(len(x), -1)  # (n, outputs)
        return {name: table[:, place] for place, name in enumerate(_outputs(network.loss, table.shape[1]))}
    shares = network.predict_proba(x)  # (n, classes), or (n, outputs) for several yes-or-no
    predicted = network.predict(x)
    if predicted.ndim > 1:
        table = shares if probabilities else predicted
        return {f"output_{place}": table[:, place - 1] for place in range(1, table.shape[1] + 1)}
    columns = {"prediction": _names(network, predicted)}
    if not probabilities:
        return {**columns, "probability": shares[np.arange(len(x)), predicted]}
    names = _names(network, np.arange(shares.shape[1])).tolist()
    return columns | {f"probability_{name}": shares[:, place] for place, name in enumerate(names)}


def _names(network: Predictor, classes: Array) -> Array:
    if network.classes is None:
        return classes
    return np.array(network.classes, dtype=object)[classes]


def _outputs(loss: Loss | None, count: int) -> list[str]:
    if isinstance(loss, Quantile) and len(loss.levels) == count > 1:
        return [f"quantile_{level:g}" for level in loss.levels]
    return ["prediction"] if count == 1 else [f"output_{place}" for place in range(1, count + 1)]


def predict_file(
    network: Predictor,
    source: Any,
    output: str | os.PathLike[str],
    *,
    probabilities: bool = False,
    block: int = BLOCK,
    **options: Any,
) -> Written:
    """Predict every row of a file, and write them with the predictions beside them as CSV.

    Parameters
    ----------
    network : Network
        With the encoder of its columns as `preprocessing`.
    source : path or binary stream
        A table as `read_table` takes it, with at least the columns the network was trained with, in any order.
    output : path
        Where to; a file that is there is replaced when all rows are predicted.
    probabilities : bool
        Whether every class has a column with its probability; otherwise the predicted one has.
    block : int
        How many bytes of the file are read at once: the memory needed does not grow with the file.
    **options
        What is known of a CSV file, as for `read_table`.

    Returns
    -------
    Written
        The file, how many rows it has, and which columns were added.

    Raises
    ------
    TableError
        If a column is missing or a cell cannot be read; nothing is written.
    """
    encoder = encoder_of(network)
    file = TableFile(source, **options)
    encoder.check_columns(file.names)
    target = Path(output).expanduser()
    if file.path is not None and target.exists() and target.samefile(file.path):
        raise TableError(f"{target} is the file that is read: write to another one.")
    done = _Progress()
    in_its_encoding(
        file, lambda each: write_atomically(target, _lines(network, each, encoder, probabilities, block, done))
    )
    return Written(target, done.rows, done.columns)


def predict_to(
    network: Predictor,
    source: Any,
    stream: IO[bytes],
    *,
    probabilities: bool = False,
    block: int = BLOCK,
    **options: Any,
) -> Written:
    """As `predict_file`, to a stream of bytes, such as standard output, where rows are there at once."""
    encoder, done = encoder_of(network), _Progress()
    file = TableFile(source, **options)
    encoder.check_columns(file.names)
    for lines in _lines(network, file, encoder, probabilities, block, done):
        stream.write(lines)
        stream.flush()
    return Written(Path("-"), done.rows, done.columns)


class _Progress:
    """What has been written."""

    rows = 0
    columns: tuple[str, ...] = ()


def _lines(
    network: Predictor, file: TableFile, encoder: TableEncoder, probabilities: bool, block: int, done: _Progress
) -> Iterator[bytes]:
    """The output as bytes, part by part, a line of names first."""
    pa = arrow()
    done.rows, done.columns = 0, ()
    delimiter, decimal = (",", ".") if file.dialect is None else (file.dialect.delimiter, file.dialect.decimal)
    for batch in file.batches(list(file.names), block=block):
        cells = file.cells(batch, encoder.column_names, encoder.text_columns)
        if not batch.num_rows:
            continue
        with rows_counted_from(done.rows):
            x = encoder.transform(cells)
        added = _free(answers(network, x, probabilities=probabilities), file.names)
        kept = [(name, column) for name, column in zip(file.names, batch.columns, strict=True) if _is_flat(column.type)]
        arrays = [column for _, column in kept] + [_written(values, decimal) for values in added.values()]
        names = [*(name for name, _ in kept), *added]
        text = b"" if done.rows else _by_hand([names], delimiter)
        done.rows, done.columns = done.rows + batch.num_rows, tuple(added)
        yield text + _as_csv(pa.table(arrays, names=names), delimiter)
    if not done.rows:
        raise TableError(f"{file.name} has names of columns but no rows.")


def _written(values: Array, decimal: str) -> Any:
    """Predictions as a column of Arrow, numbers with their decimal sign."""
    pa = arrow()
    column = pa.array(values)
    if decimal == "." or not pa.types.is_floating(column.type):
        return column
    return pa.compute.replace_substring(pa.compute.cast(column, pa.string()), ".", decimal)


def _as_csv(table: Any, delimiter: str) -> bytes:
    """The lines of a table, with quotes around those cells alone that need them."""
    pa = arrow()
    sink = pa.BufferOutputStream()
    try:
        options = pa.csv.WriteOptions(include_header=False, quoting_style="none", delimiter=delimiter)
        pa.csv.write_csv(table, sink, options)
    except pa.ArrowInvalid:  # a cell holds a quote, the delimiter or the end of a line
        texts = [pa.compute.cast(column, pa.string()).to_pylist() for column in table.columns]
        return _by_hand(zip(*texts, strict=True), delimiter)
    return bytes(sink.getvalue().to_pybytes())


def _by_hand(rows: Iterable[Iterable[str | None]], delimiter: str) -> bytes:
    sink = io.StringIO(newline="")
    csv.writer(sink, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return sink.getvalue().encode()


def _free(added: Mapping[str, Array], taken: tuple[str, ...]) -> dict[str, Array]:
    """The columns under names that the file does not have."""
    result: dict[str, Array] = {}
    for name, values in added.items():
        number, free = 1, name
        while free in taken or free in result:
            number += 1
            free = f"{name}_{number}"
        result[free] = values
    return result


def _is_flat(kind: Any) -> bool:
    """Whether CSV can hold a column of Arrow."""
    types = arrow().types
    return not (types.is_nested(kind) or types.is_binary(kind) or types.is_large_binary(kind))
