"""What commands read: data sets by name, models, and tables of numbers from files or standard input.

How a CSV file is written is found out as for tables. Every message about one names the line and the column, both
counted from 1.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from pellucid import datasets
from pellucid.cli.errors import Failure, UsageError
from pellucid.cli.runs import MODEL
from pellucid.datasets import DATASETS, Dataset
from pellucid.datasets.images import CHECKSUMS
from pellucid.encoding.cells import TableError
from pellucid.ensemble import Ensemble, Model
from pellucid.formats.ensemble_file import file_names
from pellucid.formats.ensemble_file import load_ensemble as load_several
from pellucid.formats.model_file import load
from pellucid.network import Network
from pellucid.tables import memory
from pellucid.tables.csv_dialect import dialect_of, rows_of
from pellucid.tables.numerals import number_in
from pellucid.typing import Array
from pellucid.validation import unknown_name_message

_FILES = (".csv", ".npy", ".npz", ".tsv", ".txt")
_TABLES = (".csv", ".tsv", ".txt", ".gz", ".parquet", ".feather", ".arrow", ".bz2", ".zst")


def load_model(path: str) -> Network:
    """Read a network from a model file, or from the folder of the run that wrote it; of several the first one."""
    file = model_path(path)
    if Path(path).expanduser().is_dir() and (file.parent / file_names(2)[-1]).exists():
        words = f"{path} holds several networks of an ensemble: this is {file.name}, the first one."
        print(words, file=sys.stderr)
    return load(file)


def load_ensemble(path: str) -> Ensemble:
    """Read the networks of the folder of a run, or the one of a model file."""
    file = model_path(path)
    return load_several(Path(path).expanduser() if Path(path).expanduser().is_dir() else file)


def model_path(path: str) -> Path:
    """The model file that is meant by a path; of several networks of an ensemble the first one's."""
    given = Path(path).expanduser()
    file = given / MODEL if given.is_dir() else given
    if not file.exists():
        raise Failure(f"{file} does not exist: name a model file, or the folder of a run.")
    return file


def named(data: str) -> str | None:
    """The name of the built-in data set that is meant; None: it is a file, or standard input."""
    name = data.strip().lower().replace("_", "-")
    if name in DATASETS:
        return name
    path = Path(data).expanduser()
    if data == "-" or path.is_file():
        return None
    if path.is_dir():
        raise Failure(f"{data} is a directory: name a .csv, .npy or .npz file in it.")
    if path.suffix.lower() in _FILES or len(path.parts) > 1:
        raise Failure(f"{data} does not exist.")
    raise UsageError(f"{unknown_name_message('data set', data, DATASETS)} Or name a .csv, .npy or .npz file.")


def is_table(data: str, options: Mapping[str, Any]) -> bool:
    """Whether a training is on a table of one's own, and not on a built-in data set, which knows its target.

    Raises
    ------
    UsageError
        If an option for tables is given with a built-in data set, or neither a file nor a data set is named.
    """
    name = data.strip().lower().replace("_", "-")
    given = [option for option, value in options.items() if value is not None]
    if name in DATASETS and not Path(data).expanduser().is_file():
        if given:
            raise UsageError(
                f"--{given[0].replace('_', '-')} is for tables: {name} is a data set that knows its target."
            )
        return False
    path = Path(data).expanduser()
    return bool(given) or path.is_file() or path.suffix.lower() in _TABLES or len(path.parts) > 1


def load_named(name: str, directory: str | None, **options: Any) -> Dataset:
    """Load a built-in data set; `directory` is for those that are files."""
    if name not in CHECKSUMS:  # those that are files
        if directory is not None:
            raise UsageError(f"--data is for mnist and fashion-mnist, whose files it finds; {name} needs none.")
        return datasets.load(name, **options)
    return datasets.load(name, directory=directory, progress=_Download(), **options)


class _Download:
    """Says once for each file that it is being downloaded."""

    def __init__(self) -> None:
        self._file = ""

    def __call__(self, file: str, done: int, total: int | None) -> None:
        if file != self._file:
            self._file = file
            size = f" ({total / 2**20:.1f} MB)" if total else ""
            print(f"Downloading {file}{size} …", file=sys.stderr, flush=True)


@dataclass(eq=False)
class CsvTable:
    """The numbers of a CSV file, and one column of it as text if that was asked for."""

    source: str
    header: list[str] | None = None
    rows: list[Array] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    width: int = 0
    decimal: str = "."

    @property
    def numbers(self) -> Array:
        """All rows, (n, columns without the text), float64."""
        return np.stack(self.rows)


def read_csv(data: str, *, target: str | None = None, with_target: bool = False) -> CsvTable:
    """Read a CSV file, or standard input for "-".

    Parameters
    ----------
    target : str or None
        The name or number of the column that is kept as text; None: the last.
    with_target : bool
        Whether there is such a column.
    """
    table = CsvTable("standard input" if data == "-" else data)
    try:
        with sys.stdin if data == "-" else Path(data).expanduser().open(encoding="utf-8-sig", newline="") as stream:
            text = stream.read().removeprefix("\ufeff")
        _read_rows(table, text, target, with_target)
    except UnicodeDecodeError:
        raise Failure(f"{table.source} is no text in UTF-8: is it a CSV file?") from None
    except TableError as error:
        raise Failure(str(error)) from None
    if not table.rows:
        raise Failure(f"{table.source} holds no rows of numbers.")
    return table


def _read_rows(table: CsvTable, text: str, target: str | None, with_target: bool) -> None:
    dialect = dialect_of(text, table.source)
    table.width, table.decimal = len(dialect.names), dialect.decimal
    table.header = list(dialect.names) if dialect.header else None
    column = _target_column(table, target) if with_target and table.width else None
    rows = ((line, cells) for line, cells in rows_of(text, dialect, table.source) if any(cells))
    for line, cells in islice(rows, int(dialect.header), None):
        if len(cells) != table.width:
            counts = f"{len(cells)} column{'' if len(cells) == 1 else 's'}"
            raise Failure(f"{table.source}, line {line} has {counts}, but the lines before have {table.width}.")
        if column is not None:
            table.text.append(cells[column])
        table.rows.append(_numbers(table, line, cells, column))
        table.lines.append(line)


def _target_column(table: CsvTable, target: str | None) -> int:
    """Which column the target is: by name, by number from 1 on, or the last."""
    if target is None:
        return table.width - 1
    if table.header and target in table.header:
        return table.header.index(target)
    if target.isdigit() and 1 <= int(target) <= table.width:
        return int(target) - 1
    if table.header:
        raise UsageError(unknown_name_message("--target", target, table.header))
    raise UsageError(
        f"--target must be the number of a column from 1 to {table.width}, not {target!r}: "
        f"{table.source} has no line of names."
    )


def _numbers(table: CsvTable, line: int, cells: list[str], text: int | None) -> Array:
    """The numbers of a line, all columns but the one of text."""
    return np.array([_number(table, line, n, cell) for n, cell in enumerate(cells) if n != text])


def _number(table: CsvTable, line: int, column: int, cell: str) -> float:
    value = number_in(cell, table.decimal)
    if value is not None and math.isfinite(value):
        return value
    name = f" ({table.header[column]})" if table.header else ""
    place = f"{table.source}, line {line}, column {column + 1}{name}"
    if not cell:
        raise Failure(f"{place} is empty: every cell must hold a number.")
    if value is None:
        raise Failure(f"{place} holds {cell!r}, which is no number.")
    raise Failure(f"{place} holds {cell!r}: every number must be finite. Replace or remove it.")


def read_arrays(data: str) -> dict[str, Array]:
    """The arrays of a .npy file (by the name "x") or a .npz file. Nothing in the file is ever run."""
    try:
        with Path(data).expanduser().open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return {"x": loaded}
            _check_room(sum(entry.file_size for entry in loaded.zip.infolist()), data)
            return {name: loaded[name] for name in loaded.files}
    except Failure:
        raise
    except (ValueError, EOFError, OSError) as error:
        if isinstance(error, FileNotFoundError | PermissionError):
            raise
        raise Failure(f"{data} is damaged or holds no arrays of numbers.") from None
    except Exception as error:  # zipfile has errors of its own
        raise Failure(f"{data} is damaged: {error}.") from None


def _check_room(inflated: int, data: str) -> None:
    """Raise, before anything is inflated, if the arrays of a compressed file do not fit into memory."""
    there = memory.available()
    if there is not None and inflated > there:
        raise Failure(
            f"{data} inflates to {inflated:,} bytes, but {there:,} bytes of memory are free: give fewer rows."
        )


def is_numpy(data: str) -> bool:
    """Whether a file is NumPy's, by its ending."""
    return Path(data).suffix.lower() in (".npy", ".npz")


def fit_inputs(x: Array, network: Model, source: str, *, with_target: bool = False) -> Array:
    """Rows in the shape that the network takes, (n, *input_shape); images become rows where it takes rows."""
    shape = network.input_shape
    if x.ndim == 1 and x.shape == shape:
        x = x[None]  # a single row
    needed, found = math.prod(shape), math.prod(x.shape[1:])
    if x.ndim < 2 or found != needed:
        has = f"{found} column{'' if found == 1 else 's'}"
        if with_target:
            has += " besides the target"
        hint = " If the last one is the target, leave it out, or use pellucid evaluate."
        hint = hint if found == needed + 1 and not with_target else ""
        raise Failure(f"{source} has {has}, but the network takes {needed}.{hint}")
    return x.reshape(len(x), *shape)
