"""From a file or a frame to a `Table`."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from pellucid.encoding.cells import TableError, as_columns
from pellucid.tables.files import BLOCK, TableFile, in_its_encoding
from pellucid.tables.kinds import check_kinds
from pellucid.tables.table import Table
from pellucid.typing import Array

_BYTES_A_COLUMN = 2**11  # of each part at least: a column of few cells costs as much as one of many


def read_table(source: Any, *, kinds: Mapping[str, str] | None = None, **csv: Any) -> Table:
    r"""Read a table and find out what its columns are.

    Parameters
    ----------
    source : path, binary stream, data frame, mapping, structured array or list of rows
        A file may be CSV (also compressed with gzip, bzip2 or Zstandard), Parquet, Feather or Arrow; which it is, is
        found out from its content. A frame may be one of pandas, polars or Arrow.
    kinds : mapping or None
        What columns are, where it should not be found out: "number", "category", "boolean", "date" (or "date:dmy",
        "date:mdy") or "ignore".
    **csv
        What is known of a CSV file: `delimiter`, `decimal`, `encoding`, `header`.

    Raises
    ------
    TableError
        If the file or a column cannot be used; the message says why and what to do.
    FileNotFoundError
        If there is no such file; the message names the nearest one.

    Examples
    --------
    >>> import io
    >>> table = read_table(io.BytesIO(b"size;price\n1,5;10\n2,5;20\n;30\n"))
    >>> table.notes
    ('CSV, delimiter semicolon, decimal comma, encoding utf-8',)
    >>> table["size"]
    array([1.5, 2.5, nan])
    """
    if not is_file(source):
        return Table.of(source, kinds)
    file = TableFile(source, **csv)
    declared = check_kinds(kinds, list(file.names))
    texts, ignored = ({name for name, kind in declared.items() if kind == each} for each in ("category", "ignore"))
    columns, file = _whole(file, texts, ignored)
    return Table.of(columns, kinds, name=file.name, notes=file.notes)


def read_columns(source: Any, *, texts: Collection[str] = (), **csv: Any) -> Mapping[str, Any]:
    """The columns of a file or frame as they are, for an encoder that knows their kinds.

    Parameters
    ----------
    source
        As for `read_table`.
    texts : collection of str
        Columns of a CSV file that are not to be read as numbers even where they could be: `TableEncoder.text_columns`.
    **csv
        As for `read_table`.
    """
    return _whole(TableFile(source, **csv), texts, ())[0] if is_file(source) else as_columns(source)


def is_file(source: Any) -> bool:
    """Whether a source is a file: a path, or a stream of bytes."""
    return isinstance(source, str | os.PathLike) or hasattr(source, "read")


def _whole(file: TableFile, texts: Collection[str], ignored: Collection[str]) -> tuple[dict[str, Array], TableFile]:
    """All rows, and the file in the encoding it was read in."""
    return in_its_encoding(file, lambda each: gathered(each, texts, ignored))


def gathered(file: TableFile, texts: Collection[str], ignored: Collection[str] = ()) -> dict[str, Array]:
    """The parts of a file as one. A column of numbers in some parts and texts in others is read again as texts; of one
    that is ignored, which may hold anything, every cell is None.
    """
    read = [name for name in file.names if name not in ignored]
    if not read:
        raise TableError(f"All columns of {file.name} are to be ignored: there is nothing to read.")
    block = max(BLOCK, _BYTES_A_COLUMN * len(read))
    parts: dict[str, list[Array]] = {name: [] for name in read}
    for part in file.parts(texts=texts, only=read, block=block):
        for name, cells in part.items():
            parts[name].append(cells)
    mixed = {name for name, cells in parts.items() if differ(cells)}
    if mixed:
        again: dict[str, list[Array]] = {name: [] for name in mixed}
        for part in file.parts(texts=mixed, only=mixed, block=block):
            for name, cells in part.items():
                again[name].append(cells)
        parts |= again
    columns = {name: joined(cells) for name, cells in parts.items()}
    nothing = np.full(len(columns[read[0]]), None)
    return {name: columns.get(name, nothing) for name in file.names}


def differ(parts: list[Array]) -> bool:
    """Whether some parts of a column are numbers and others are not."""
    forms = {cells.dtype.kind == "O" for cells in parts if not is_nothing(cells)}
    return len(forms) > 1


def is_nothing(cells: Array) -> bool:
    """Whether every cell is missing, so that nothing is known of the column."""
    return cells.dtype.kind == "f" and bool(np.isnan(cells).all())


def joined(parts: list[Array]) -> Array:
    """The cells of all parts."""
    if not parts:
        return np.empty(0)
    if any(cells.dtype == object for cells in parts):
        parts = [np.full(len(cells), None) if is_nothing(cells) else cells for cells in parts]
    return np.concatenate(parts)
