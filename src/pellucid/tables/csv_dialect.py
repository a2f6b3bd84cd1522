"""How a CSV file is written: its encoding, delimiter, quotes, decimal sign and line of names, found from its beginning.

Contract: `find_dialect(beginning)` returns a `Dialect`, whose `label` says what was found. Whatever the user says goes
before what is found. `dialect_of(text)` does the same for a text and refuses nothing; `rows_of(text, dialect)` gives
its rows. What reads small files needs these two alone, and no pyarrow.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TextIO

from pellucid.encoding.cells import MISSING, TableError, as_number, check_names
from pellucid.tables.numerals import bare, unit_of
from pellucid.validation import counted

_FOUND = {"\t": "tab", ";": "semicolon", "|": "bar", ",": "comma"}
"""What is looked for, in the order in which they are preferred where several divide all lines alike."""

DELIMITERS = _FOUND | {" ": "space"}
"""Their names. A space must be said: it stands in texts too."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LOOK = 2000  # bytes by which UTF-16 without a mark is known
_BEGINNING = 2**18  # characters of a text that are looked at, and the rest of the line
_ROWS = 500  # that are looked at
_UNITS = 5  # that are said
_REGULAR = 0.9  # where more rows than this are equally long, another first row is no row of the table
_COMMA = re.compile(r"[+-]?\d+,\d+|[+-]?\d{1,3}(\.\d{3})+(,\d+)?")
_ABOVE, _LINE = re.compile(r"[ \t]*(#[^\r\n]*)?(?:\r\n|\n|\r)"), re.compile(r"[^\r\n]*")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
_POINT = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
_QUOTED = re.compile(r"(?:^|[,;|\t])'[^']*'(?=$|[,;|\t])", re.MULTILINE)


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written.

    Parameters
    ----------
    encoding : str
        By Python's name.
    delimiter : str
        What divides the cells.
    quote : str
        What stands around a cell that holds a delimiter.
    escape : str
        What stands before a quote inside of quotes; "" where the quote is doubled.
    decimal : {".", ","}
        The decimal sign.
    header : bool
        Whether the first line has the names of the columns.
    names : tuple of str
        The names; column_1, … where there are none.
    skip : int
        How many empty lines, and comments behind #, stand at the beginning.
    comments : int
        How many of them are comments.
    units : tuple of pairs of str
        The columns whose numbers have a unit, each with it.
    """

    encoding: str
    delimiter: str
    quote: str
    escape: str
    decimal: str
    header: bool
    names: tuple[str, ...]
    skip: int
    comments: int = 0
    units: tuple[tuple[str, str], ...] = ()

    @property
    def label(self) -> tuple[str, ...]:
        """What was found, as notes."""
        said = [f"delimiter {DELIMITERS.get(self.delimiter, repr(self.delimiter))}"]
        said += ["decimal comma"] if self.decimal == "," else []
        said += [f"encoding {self.encoding.removesuffix('-sig')}"]
        said += [f"quotes {self.quote}"] if self.quote != '"' else []
        said += [] if self.header else ["no line of names"]
        said += [f"{counted(self.comments, 'line')} of comments"] if self.comments else []
        said += [f"{name} in {unit}" for name, unit in self.units[:_UNITS]]
        said += [counted(len(self.units) - _UNITS, "more unit")] if len(self.units) > _UNITS else []
        return (", ".join(said),)


def find_dialect(
    beginning: bytes,
    source: str,
    *,
    whole: bool = True,
    delimiter: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
) -> Dialect:
    """The dialect of a file from its first bytes.

    Parameters
    ----------
    beginning : bytes
        The first bytes.
    source : str
        What messages call the file.
    whole : bool
        Whether they are the whole file: otherwise the last line may be cut off.
    delimiter, decimal, encoding, header
        What is known; None: to be found.

    Raises
    ------
    TableError
        If it is no text, or holds nothing.
    """
    encoding = encoding or _encoding(beginning)
    try:
        text = codecs.getincrementaldecoder(encoding)(errors="strict").decode(beginning, final=whole)
    except (UnicodeDecodeError, LookupError) as error:
        raise TableError(f"{source} is no text in {encoding} ({error}): {csv_given('encoding', 'cp1252')}.") from None
    control = _CONTROL.search(text)
    if control is not None:
        line = text.count("\n", 0, control.start()) + 1
        raise TableError(
            f"{source} is no text: line {line} holds the byte {ord(control.group()):#04x}. A CSV, Parquet, Feather or "
            f"Arrow file is needed."
        )
    if not whole and "\n" in text:
        text = text[: text.rindex("\n") + 1]
    dialect = dialect_of(text, source, encoding, delimiter=delimiter, decimal=decimal, header=header)
    rows = [row for _, row in rows_of(text, dialect, source, strip=False, most=_ROWS)]
    if not any(cell.strip() for row in rows for cell in row):
        raise TableError(f"{source} is empty.")
    if whole:
        _check_closed(text, dialect, source)
    _check_first(rows, source, dialect.skip)
    check_names(dialect.names)
    if whole and len(rows) == int(dialect.header):
        raise TableError(f"{source} has names of columns but no rows.")
    return dialect


def dialect_of(
    text: str,
    source: str,
    encoding: str = "utf-8",
    *,
    delimiter: str | None = None,
    decimal: str | None = None,
    header: bool | None = None,
) -> Dialect:
    """The dialect of a text; two of its names may be the same.

    Raises
    ------
    TableError
        If Python's csv cannot read it.
    """
    text = text[: text.find("\n", _BEGINNING) + 1] or text
    text, skip, comments = _without_beginning(text)
    quote = "'" if len(_QUOTED.findall(text)) > 2 * text.count('"') + 1 else '"'
    escape = "\\" if f"\\{quote}" in text else ""
    if delimiter is None:
        evenness = {each: _evenness(_rows(text, each, quote, escape, source)) for each in _FOUND}
        delimiter = max(evenness, key=lambda each: evenness[each]) if any(evenness.values()) else ","
    rows = _rows(text, delimiter, quote, escape, source)
    first = [cell.strip() for cell in rows[0]] if rows else []
    if decimal is None:
        decimal = _decimal(rows, grouped=delimiter != ",")
    if header is None:
        header = bool(rows) and _has_names(rows, decimal)
    names = _names(first) if header else tuple(f"column_{place}" for place in range(1, len(first) + 1))
    columns = zip(*(row for row in rows[int(header) :] if len(row) == len(names)), strict=True)
    units = tuple((name, unit) for name, cells in zip(names, columns, strict=False) if (unit := unit_of(cells)))
    return Dialect(encoding, delimiter, quote, escape, decimal, header, names, skip, comments, units)


def rows_of(
    text: str | TextIO, dialect: Dialect, source: str, *, strip: bool = True, most: int | None = None
) -> Iterator[tuple[int, list[str]]]:
    """The rows of a text that are not empty, the names among them, each with the number of its last line.

    Parameters
    ----------
    strip : bool
        Whether cells lose the space around them, also in front of a quote.
    most : int or None
        How many rows are wanted at most.

    Raises
    ------
    TableError
        If Python's csv cannot read them.
    """
    stream = io.StringIO(text, newline="") if isinstance(text, str) else text
    for _ in range(dialect.skip):
        stream.readline()
    yield from _read(stream, dialect.delimiter, dialect.quote, dialect.escape, source, dialect.skip, strip, most)


def csv_given(name: str, value: str) -> str:
    """How one says how a CSV file is written, in Python and on the command line."""
    return f"give another one, {name}={value!r} (--csv {name}={value}) for example"


def _without_beginning(text: str) -> tuple[str, int, int]:
    """The text without empty lines and comments at its beginning, how many lines these are, and how many comments.

    A line behind # that has as many cells as the next one, in which there are numbers, is no comment, but the names.
    """
    skip = comments = place = 0
    while match := _ABOVE.match(text, place):
        if match.group(1) is not None:
            names, mark = match.group(1), max(_FOUND, key=match.group(1).count)
            below = _LINE.match(text, match.end()).group().split(mark)  # type: ignore[union-attr]
            if len(below) == names.count(mark) + 1 > 1 and any(as_number(cell) is not None for cell in below):
                break
            comments += 1
        skip, place = skip + 1, match.end()
    return text[place:], skip, comments


def _check_first(rows: list[list[str]], source: str, skip: int) -> None:
    """Raise if the first row is shorter or longer than nearly all others: these would be called ragged."""
    if len(rows) < 3:
        return
    width, count = Counter(map(len, rows[1:])).most_common(1)[0]
    own, line = len(rows[0]), skip + 1
    if own == width or count < _REGULAR * (len(rows) - 1):
        return
    if own == width - 1 > 1:
        way = "add the name that is missing; R, for one, leaves out the name above the names of rows"
    elif own < width:
        way = "remove what stands above the line of names"
    else:
        way = "remove the names that stand above no cells"
    cells = f"{own} cell{'s' * (own > 1)}"
    raise TableError(f"Line {line} of {source} has {cells}, but the lines below have {width}: {way}.")


def _has_names(rows: list[list[str]], decimal: str) -> bool:
    """Whether the first row has no numbers; or has some, such as years, and a text above a column of numbers alone."""
    first = [cell.strip() for cell in rows[0]]
    numbers = [_number(cell, decimal) for cell in first]
    if not any(first) or not any(numbers):
        return any(first)
    for place, cell in enumerate(first):
        below = [row[place].strip() for row in rows[1:] if len(row) > place]
        known = [each for each in below if each.lower() not in MISSING]
        if cell.lower() not in MISSING and not numbers[place] and known and all(_number(x, decimal) for x in known):
            return True
    return False


def _encoding(beginning: bytes) -> str:
    for mark, name in _MARKS:
        if beginning.startswith(mark):
            return name
    ends = beginning[0:_LOOK:2].count(0), beginning[1:_LOOK:2].count(0)
    for zeros, others, name in ((ends[1], ends[0], "utf-16-le"), (ends[0], ends[1], "utf-16-be")):
        if zeros > 0.2 * min(len(beginning), _LOOK) and not others:
            return name
    try:
        codecs.getincrementaldecoder("utf-8")().decode(beginning, final=False)
    except UnicodeDecodeError:
        return "cp1252" if not re.search(rb"[\x81\x8d\x8f\x90\x9d]", beginning) else "latin-1"
    return "utf-8"


def _rows(text: str, delimiter: str, quote: str, escape: str, source: str) -> list[list[str]]:
    """The first rows that are not empty."""
    return [row for _, row in _read(io.StringIO(text, newline=""), delimiter, quote, escape, source, most=_ROWS)]


def _read(
    stream: TextIO,
    delimiter: str,
    quote: str,
    escape: str,
    source: str,
    skipped: int = 0,
    strip: bool = False,
    most: int | None = None,
) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(stream, delimiter=delimiter, quotechar=quote, escapechar=escape or None, skipinitialspace=strip)
    try:
        for row in islice(filter(None, reader), most):
            yield skipped + reader.line_num, [cell.strip() for cell in row] if strip else row
    except csv.Error as error:
        raise TableError(f"{source} is no CSV file: line {reader.line_num}: {error}.") from None


def _check_closed(text: str, dialect: Dialect, source: str) -> None:
    """Raise if a quote is opened and never closed: all that follows would be one cell."""
    text, quote = _without_beginning(text)[0], dialect.quote
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=dialect.delimiter,
        quotechar=quote,
        escapechar=dialect.escape or None,
        strict=True,
    )
    line = 1
    try:
        for _ in reader:
            line = reader.line_num + 1
    except csv.Error as error:
        if "unexpected end of data" in str(error):
            raise TableError(f"{source} has a quote {quote} in line {line} that is never closed: close it.") from None


def _evenness(rows: list[list[str]]) -> float:
    """How many of the rows have as many cells as most have; 0 where that is one."""
    width, count = Counter(map(len, rows)).most_common(1)[0] if rows else (0, 0)
    return count / len(rows) if width > 1 else 0.0


def _decimal(rows: list[list[str]], *, grouped: bool) -> str:
    """A comma, where more cells are numbers with one than with a point. Not `grouped`: that of 1,234 is none."""
    cells = [bare(cell) for row in rows for cell in row]
    commas = sum(
        _COMMA.fullmatch(cell) is not None and (grouped or _THOUSANDS.fullmatch(cell) is None) for cell in cells
    )
    return "," if commas > sum(_POINT.fullmatch(cell) is not None for cell in cells) else "."


def _number(cell: str, decimal: str) -> bool:
    return cell.lower() not in MISSING and as_number(cell.replace(decimal, ".")) is not None


def _names(cells: list[str]) -> tuple[str, ...]:
    """The names of a first line; a column without one has that of its place."""
    cells = [cells[0].lstrip("# ") or cells[0], *cells[1:]]  # NumPy writes names as a comment
    return tuple(cell or f"column_{place}" for place, cell in enumerate(cells, 1))
