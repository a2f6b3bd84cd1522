"""Files of tables as streams of columns: CSV (also compressed), Parquet, Feather and Arrow, told apart by content.

Contract: `TableFile(path)` has looked at the beginning of a file and knows its `names`, and what was found out as
`notes`; `parts(…)` gives its rows part by part as mappings of arrays, each part as many bytes as asked for, so that
memory does not grow with the file. Needs pyarrow.
"""

from __future__ import annotations

import difflib
import io
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from pellucid.encoding.cells import MISSING, Cells, TableError, as_cells, check_names
from pellucid.extras import pip_install
from pellucid.tables.csv_dialect import Dialect, csv_given, find_dialect, rows_of
from pellucid.tables.numerals import numbers_in, with_points
from pellucid.tables.prefetch import ahead

Answer = TypeVar("Answer")

BLOCK = 4 * 2**20
"""How many bytes of a file are read at once."""

_BEGINNING = 2**18
_MOST_INFLATED = 2**30
"""Bytes of a compressed Parquet or Arrow file, which is read whole; a compressed CSV file is read part by part."""
_COMPRESSED = ((b"\x1f\x8b", "gzip"), (b"BZh", "bz2"), (b"\x28\xb5\x2f\xfd", "zstd"))
_FOREIGN = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook: save its sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook: save its sheet as CSV"),
    (b"SQLite format 3", "an SQLite database: write the table as CSV or Parquet"),
    (b"\x89HDF", "an HDF5 file: write the table as CSV or Parquet"),
    (b"%PDF", "a PDF document"),
    (b"FEA1", "a Feather file of the old first version: write it again with Feather version 2, or as Parquet"),
)
_JSON = re.compile(rb'(?:\xef\xbb\xbf)?\s*(?:\{\s*"|\[\s*[{\[])')
_MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|\?xml|table)\b", re.IGNORECASE)
_WITH_PLACES = 5  # ragged rows that are named


def arrow() -> Any:
    """The package pyarrow with the modules that are used here."""
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.csv
        import pyarrow.ipc
        import pyarrow.parquet
    except ImportError:
        raise ImportError(
            f"Files of tables are read with the package pyarrow, which is not installed: {pip_install('tables')}."
        ) from None
    return pyarrow


def find_file(path: str | os.PathLike[str]) -> Path:
    """The path of a file that is there; otherwise an error that names the nearest one."""
    given = Path(path).expanduser()
    if given.is_file():
        with given.open("rb"):  # raises where it may not be read
            return given
    if given.is_dir():
        raise TableError(f"{given} is a folder: name a file in it.")
    if not given.parent.is_dir():
        raise FileNotFoundError(f"{given} does not exist: there is no folder {given.parent}.")
    near = difflib.get_close_matches(given.name, [each.name for each in given.parent.iterdir()], n=1, cutoff=0.5)
    guess = f" Did you mean {given.with_name(near[0])}?" if near else ""
    raise FileNotFoundError(f"{given} does not exist.{guess}")


class TableFile:
    """A file that holds a table.

    Parameters
    ----------
    source : path or binary stream
        The file; a stream is read to its end first.
    **csv
        What is known of a CSV file's dialect: delimiter, decimal, encoding, header.
    """

    def __init__(self, source: Any, **csv: Any) -> None:
        pa = arrow()
        self._content: bytes | None = None
        if hasattr(source, "read"):
            self.path, self.name = None, str(getattr(source, "name", "the stream")).replace("<stdin>", "standard input")
            self._content = source.read()
            if isinstance(self._content, str):
                raise TypeError("A stream must give bytes: open it with mode 'rb', or use sys.stdin.buffer.")
        else:
            self.path = find_file(source)
            self.name = str(source)
        with self._raw() as raw:
            beginning = raw.read(_BEGINNING + 1)
        if not beginning:
            raise TableError(f"{self.name} is empty.")
        self._compression = next((name for mark, name in _COMPRESSED if beginning.startswith(mark)), None)
        if self._compression:
            beginning = self._inflated()
        for mark, what in _FOREIGN:
            if beginning.startswith(mark):
                raise TableError(f"{self.name} is {what}.")
        self.dialect: Dialect | None = None
        try:
            self.format = self._format(beginning)
            if self.format == "csv":
                _refuse_markup(beginning, self.name)
                whole = len(beginning) <= _BEGINNING
                self.dialect = find_dialect(beginning[:_BEGINNING], self.name, whole=whole, **csv)
                self.names: tuple[str, ...] = self.dialect.names
            else:
                self.names = tuple(self._schema().names)
                check_names(self.names)
        except pa.ArrowInvalid as error:
            raise TableError(f"{self.name} is damaged, or no file of a table: {_first_line(error)}.") from None

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found out."""
        compressed = f"{self._compression}, " if self._compression else ""
        if self.dialect is None:
            return (f"{compressed}{self.format}",)
        return (f"{compressed}CSV, {self.dialect.label[0]}",)

    @property
    def size(self) -> int:
        """How many bytes the file has, compressed as it is."""
        return len(self._content or b"") if self.path is None else self.path.stat().st_size

    @property
    def compressed(self) -> bool:
        """Whether the file is inflated as it is read."""
        return self._compression is not None

    def _format(self, beginning: bytes) -> str:
        if beginning.startswith(b"PAR1"):
            return "Parquet"
        if beginning.startswith(b"ARROW1"):
            return "Arrow"
        return "Arrow stream" if beginning.startswith(b"\xff\xff\xff\xff") else "csv"

    def _raw(self) -> Any:
        """The bytes as they lie in the file."""
        pa = arrow()
        return pa.BufferReader(self._content) if self.path is None else pa.OSFile(str(self.path), "rb")

    def _stream(self) -> Any:
        """The bytes, inflated; one after the other where they were compressed."""
        raw = self._raw()
        return arrow().CompressedInputStream(raw, self._compression) if self._compression else raw

    def _inflated(self) -> bytes:
        try:
            with self._stream() as stream:
                return bytes(stream.read(_BEGINNING + 1))
        except OSError as error:
            raise TableError(f"{self.name} is damaged: {_first_line(error)}.") from None

    def _schema(self) -> Any:
        pa = arrow()
        if self.format == "Parquet":
            return pa.parquet.ParquetFile(self._seekable()).schema_arrow
        opener = pa.ipc.open_file if self.format == "Arrow" else pa.ipc.open_stream
        return opener(self._seekable()).schema

    def _seekable(self) -> Any:
        if not self._compression:
            return self._raw()
        inflated = arrow().BufferOutputStream()
        with self._stream() as stream:
            while piece := stream.read(BLOCK):
                inflated.write(piece)
                if inflated.tell() > _MOST_INFLATED:
                    raise TableError(
                        f"{self.name} inflates to more than {_MOST_INFLATED:,} bytes, which would all be in memory at "
                        f"once: inflate it, and give the {self.format} file itself."
                    )
        return arrow().BufferReader(inflated.getvalue())

    # -- rows ----------------------------------------------------------------------------------------------------

    def parts(
        self,
        *,
        texts: Collection[str] = (),
        only: Collection[str] | None = None,
        block: int = BLOCK,
    ) -> Iterator[Cells]:
        """The rows part by part, as columns of cells.

        Parameters
        ----------
        texts : collection of str
            Columns of a CSV file that are not to be read as numbers even where they could be.
        only : collection of str or None
            The columns that are wanted; None: all.
        block : int
            About how many bytes of the file a part has.

        Raises
        ------
        TableError
            If a row has another number of cells than the first, or the file is damaged.
        """
        among = frozenset(self.names if only is None else only)
        wanted = [name for name in self.names if name in among]
        yield from ahead(self.cells(batch, wanted, texts) for batch in self.batches(wanted, block=block))

    def cells(self, batch: Any, wanted: Iterable[str], texts: Collection[str] = ()) -> Cells:
        """Columns of a batch of Arrow as cells."""
        if self.dialect is None:
            return Cells({name: as_cells(batch.column(name), name) for name in wanted})
        dialect, units, texts = self.dialect, dict(self.dialect.units), frozenset(texts)
        return Cells(
            {name: _from_text(batch.column(name), dialect, units.get(name, ""), name in texts) for name in wanted}
        )

    def batches(self, wanted: list[str], *, block: int = BLOCK) -> Iterator[Any]:
        """The rows part by part as batches of Arrow, the columns of a CSV file as the texts that stand there."""
        pa = arrow()
        try:
            yield from self._batches(wanted, block)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise self._refused(error) from None
        except (UnicodeDecodeError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise self._refused(error) from None

    def with_encoding(self, encoding: str) -> TableFile:
        """The same file, read in another encoding."""
        other = object.__new__(TableFile)
        other.__dict__.update(self.__dict__)
        assert self.dialect is not None
        other.dialect = replace(self.dialect, encoding=encoding)
        return other

    def _batches(self, wanted: list[str], block: int) -> Iterator[Any]:
        pa = arrow()
        if self.dialect is not None:
            yield from self._csv_batches(wanted, block)
            return
        rows = max(1, block // (8 * len(self.names)))
        if self.format == "Parquet":
            file = pa.parquet.ParquetFile(self._seekable())
            yield from file.iter_batches(batch_size=rows, columns=wanted)
        elif self.format == "Arrow":
            reader = pa.ipc.open_file(self._seekable())
            for number in range(reader.num_record_batches):
                yield from _slices(reader.get_batch(number), rows)
        else:
            for batch in pa.ipc.open_stream(self._seekable()):
                yield from _slices(batch, rows)

    def _csv_batches(self, wanted: list[str], block: int) -> Iterator[Any]:
        pa, dialect = arrow(), self.dialect
        assert dialect is not None
        stream = self._stream()
        encoding = "utf8" if dialect.encoding == "utf-8-sig" else dialect.encoding
        reader = pa.csv.open_csv(
            stream,
            read_options=pa.csv.ReadOptions(
                column_names=list(dialect.names),
                skip_rows=dialect.skip,
                skip_rows_after_names=int(dialect.header),
                block_size=block,
                encoding=encoding,
                use_threads=False,
            ),
            parse_options=pa.csv.ParseOptions(
                delimiter=dialect.delimiter,
                quote_char=dialect.quote,
                escape_char=dialect.escape or False,
                newlines_in_values=True,
            ),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(dialect.names, pa.string()),
                strings_can_be_null=False,
                include_columns=wanted,
            ),
        )
        yield from reader

    def _refused(self, error: Exception) -> TableError:
        """What to say of what Arrow refused."""
        words = _first_line(error)
        if self.dialect is None:
            return TableError(f"{self.name} is damaged: {words}.")
        ragged = self._ragged() if "columns" in words else []
        if ragged:
            places = ", ".join(f"line {line} has {count}" for line, count in ragged[:_WITH_PLACES])
            more = ", and more" if len(ragged) > _WITH_PLACES else ""
            return TableError(
                f"{self.name} should have {len(self.names)} cell{'s' * (len(self.names) > 1)} in every row, as its "
                f"first one, but "
                f"{places}{more}. Add or remove cells there, or put quotes around those that hold the delimiter "
                f"{self.dialect.delimiter!r}."
            )
        if "UTF8" in words or "decode" in words:
            return EncodingError(
                f"{self.name} is no text in {self.dialect.encoding}: {csv_given('encoding', 'cp1252')}."
            )
        if "straddling" in words or "block" in words:
            return TableError(
                f"{self.name} has a row that is longer than a block: is a quote {self.dialect.quote} never closed?"
            )
        return TableError(f"{self.name} is no CSV file: {words}.")

    def _ragged(self) -> list[tuple[int, int]]:
        """The first lines with another number of cells, each with that number."""
        dialect = self.dialect
        assert dialect is not None
        found: list[tuple[int, int]] = []
        with self._stream() as stream, io.TextIOWrapper(stream, dialect.encoding, errors="replace", newline="") as text:
            for line, row in rows_of(text, dialect, self.name, strip=False):
                if len(row) != len(dialect.names):
                    found.append((line, len(row)))
                if len(found) > _WITH_PLACES:
                    break
        return found


class EncodingError(TableError):
    """A file's text has another encoding than its beginning let one think."""


def in_its_encoding(file: TableFile, use: Callable[[TableFile], Answer]) -> tuple[Answer, TableFile]:
    """What a function makes of a file, and the file in the encoding that it could be read in."""
    try:
        return use(file), file
    except EncodingError:
        file = file.with_encoding("cp1252")  # it was no UTF-8 further down
    try:
        return use(file), file
    except EncodingError:
        file = file.with_encoding("latin-1")  # which knows every byte
    return use(file), file


def _slices(batch: Any, rows: int) -> Iterator[Any]:
    """A batch of Arrow in parts of this many rows."""
    for first in range(0, batch.num_rows, rows):
        yield batch.slice(first, rows)


def _refuse_markup(beginning: bytes, name: str) -> None:
    """Raise for texts that are no rows of cells."""
    if _JSON.match(beginning):
        raise TableError(
            f"{name} is JSON, and no table: give the list of its rows, json.load(file), instead of the file, or write "
            f"it as CSV."
        )
    if _MARKUP.match(beginning):
        raise TableError(f"{name} is a page in HTML or XML, and no table: save its table as CSV.")


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].strip().rstrip(".")[:200] if str(error) else type(error).__name__


def _from_text(column: Any, dialect: Dialect, unit: str, as_text: bool) -> Any:
    """A column of texts as numbers where all of them are, else as texts, without what is missing."""
    pa = arrow()
    compute = pa.compute
    if not as_text and dialect.decimal == ".":  # most columns of numbers hold nothing else but empty cells
        numbers = numbers_in(compute.if_else(compute.equal(column, ""), pa.scalar(None, pa.string()), column), ".")
        if numbers is not None:
            return numbers
    trimmed = compute.utf8_trim_whitespace(column)
    short = compute.less_equal(compute.binary_length(trimmed), max(map(len, MISSING)))
    nothing = compute.and_(short, compute.is_in(compute.utf8_lower(trimmed), value_set=pa.array(sorted(MISSING))))
    known = compute.if_else(nothing, pa.scalar(None, pa.string()), trimmed)
    if not as_text:
        for each in dict.fromkeys(("", unit)):
            numbers = numbers_in(known, dialect.decimal, each)
            if numbers is not None:
                return numbers
    encoded = (with_points(known) if dialect.decimal == "," else known).dictionary_encode()
    values = np.array([*encoded.dictionary.to_pylist(), None], dtype=object)
    return values[encoded.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False)]
