"""A row of a table for `pellucid trace`: by its number in a file, or written out as column=value."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pellucid.cli.csv_options import csv_of
from pellucid.cli.errors import Failure, UsageError
from pellucid.encoding.cells import rows_counted_from
from pellucid.encoding.encoder import TableEncoder
from pellucid.ensemble import Ensemble
from pellucid.network import Network
from pellucid.tables.files import TableFile, in_its_encoding
from pellucid.tables.targets import present, target_of_model
from pellucid.typing import Array, Floats
from pellucid.validation import unknown_name_message

_MOST_COLUMNS = 20  # that are shown as they were read


class TracedRow(NamedTuple):
    """A row as the network takes it, and as it stood in the table."""

    x: Floats
    y: Array
    label: str


def traced_row(network: Network, row: str, data: str | None, target: str, dialect: str | None) -> TracedRow:
    """The row of that number in the file `data`, or the one that `row` writes out."""
    encoder = network.preprocessing
    assert encoder is not None
    if "=" in row:
        cells, words = _written(row, (*encoder.column_names, target)), "The row"
        if target not in cells:
            raise UsageError(f"--row must have the target, too, for the loss to be traced: {target}=VALUE.")
    else:
        file: Any = sys.stdin.buffer if data == "-" else Path(str(data)).expanduser()
        table = TableFile(file, **csv_of(dialect))
        number = int(row)
        cells = in_its_encoding(table, lambda each: _numbered(each, encoder, target, number))[0]
        words = f"Row {number:,} of {table.name}"
    if not present(cells[target]).all():
        raise Failure(f"{words} has no value in the target {target!r}, without which there is no loss to trace.")
    with rows_counted_from(0 if "=" in row else int(row)):
        x = encoder.transform(cells)
    y = target_of_model(Ensemble([network]), target).encode(cells[target])
    return TracedRow(x, y, f"{words}: {_words(cells, encoder, target)}")


def _written(row: str, known: tuple[str, ...]) -> dict[str, Array]:
    """The cells of student=No,balance=700; one that holds a comma stands in quotes, the column's name with it."""
    cells: dict[str, Array] = {}
    for part in next(csv.reader([row], skipinitialspace=True)):
        name, equals, value = part.partition("=")
        name, value = name.strip(), value.strip()
        if not equals:
            raise UsageError(
                f"--row must be a number, or columns with their values such as {known[0]}=VALUE,{known[-1]}=VALUE, "
                f"not {part!r:.60}."
            )
        if name not in known:
            raise UsageError(unknown_name_message("The column in --row", name, known))
        cells[name] = np.array([value or None], dtype=object)
    return cells


def _numbered(file: TableFile, encoder: TableEncoder, target: str, number: int) -> dict[str, Array]:
    """The cells of a row of a file, read no further than that."""
    encoder.check_columns(file.names)
    if target not in file.names:
        raise UsageError(unknown_name_message("--target", target, file.names))
    wanted, rows = [*encoder.column_names, target], 0
    for batch in file.batches(wanted):
        if number < rows + batch.num_rows:
            cells = file.cells(batch, wanted, encoder.text_columns)
            return {name: cells[name][number - rows : number - rows + 1] for name in wanted}
        rows += batch.num_rows
    raise UsageError(f"--row {number} is not there: {file.name} has {rows:,} rows, from 0 to {rows - 1:,}.")


def _words(cells: Mapping[str, Array], encoder: TableEncoder, target: str) -> str:
    names = encoder.column_names
    shown = [f"{name} = {_cell(cells[name][0])}" for name in names[:_MOST_COLUMNS]]
    if len(names) > _MOST_COLUMNS:
        shown.append(f"… {len(names) - _MOST_COLUMNS} more")
    return f"{', '.join(shown)}; {target} = {_cell(cells[target][0])}"


def _cell(value: Any) -> str:
    if value is None or value != value:
        return "missing"
    return f"{value:.10g}" if isinstance(value, float) else str(value)
