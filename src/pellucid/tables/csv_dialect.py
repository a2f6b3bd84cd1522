"""How a CSV file is written: its encoding, delimiter, quotes, decimal sign and line of names, found from its beginning.

Contract: `find_dialect(beginning)` answers a `Dialect`, whose `words` say what was found. Whatever the user says goes
before what is found.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from dataclasses import dataclass

from pellucid.tables.cells import MISSING, TableError, as_number, check_names

DELIMITERS = {"\t": "tab", ";": "semicolon", "|": "bar", ",": "comma"}
"""In the order in which they are preferred where several divide all lines alike."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ROWS = 500  # that are looked at
_COMMA = re.compile(r"[+-]?\d+,\d+|[+-]?\d{1,3}(\.\d{3})+(,\d+)?")
_POINT = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
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
        How many empty lines stand at the beginning.
    """

    encoding: str
    delimiter: str
    quote: str
    escape: str
    decimal: str
    header: bool
    names: tuple[str, ...]
    skip: int

    @property
    def words(self) -> tuple[str, ...]:
        """What was found, as notes."""
        said = [f"delimiter {DELIMITERS.get(self.delimiter, repr(self.delimiter))}"]
        said += ["decimal comma"] if self.decimal == "," else []
        said += [f"encoding {self.encoding.removesuffix('-sig')}"]
        said += [f"quotes {self.quote}"] if self.quote != '"' else []
        said += [] if self.header else ["no line of names"]
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
        raise TableError(f"{source} is no text in {encoding} ({error}): give another encoding=.") from None
    control = _CONTROL.search(text)
    if control is not None:
        line = text.count("\n", 0, control.start()) + 1
        raise TableError(
            f"{source} is no text: line {line} holds the byte {ord(control.group()):#04x}. A CSV, Parquet, Feather or "
            f"Arrow file is needed."
        )
    if not whole and "\n" in text:
        text = text[: text.rindex("\n") + 1]
    if not text.strip():
        raise TableError(f"{source} is empty.")
    skip = len(re.match(r"(?:[ \t]*\r?\n)*", text).group().splitlines())  # type: ignore[union-attr]
    text = text.lstrip("\r\n") if skip else text
    quote = "'" if len(_QUOTED.findall(text)) > 2 * text.count('"') + 1 else '"'
    escape = "\\" if f"\\{quote}" in text else ""
    if delimiter is None:
        evenness = {each: _evenness(_rows(text, each, quote, escape, source)) for each in DELIMITERS}
        delimiter = max(evenness, key=lambda each: evenness[each]) if any(evenness.values()) else ","
    rows = _rows(text, delimiter, quote, escape, source)
    if whole:
        _check_closed(text, delimiter, quote, escape, source)
    if decimal is None:
        decimal = _decimal(rows) if delimiter != "," else "."
    first = [cell.strip() for cell in rows[0]]
    if header is None:
        header = not any(_number(cell, decimal) for cell in first) and any(first)
    names = _names(first) if header else tuple(f"column_{place}" for place in range(1, len(first) + 1))
    return Dialect(encoding, delimiter, quote, escape, decimal, header, names, skip)


def _encoding(beginning: bytes) -> str:
    for mark, name in _MARKS:
        if beginning.startswith(mark):
            return name
    try:
        codecs.getincrementaldecoder("utf-8")().decode(beginning, final=False)
    except UnicodeDecodeError:
        return "cp1252" if not re.search(rb"[\x81\x8d\x8f\x90\x9d]", beginning) else "latin-1"
    return "utf-8"


def _rows(text: str, delimiter: str, quote: str, escape: str, source: str) -> list[list[str]]:
    """The first rows that are not empty."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quotechar=quote, escapechar=escape or None)
    rows: list[list[str]] = []
    try:
        for row in reader:
            if row:
                rows.append(row)
            if len(rows) == _ROWS:
                break
    except csv.Error as error:
        raise TableError(f"{source} is no CSV file: line {reader.line_num}: {error}.") from None
    return rows


def _check_closed(text: str, delimiter: str, quote: str, escape: str, source: str) -> None:
    """Raise if a quote is opened and never closed: all that follows would be one cell."""
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, quotechar=quote, escapechar=escape or None, strict=True
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
    width, count = Counter(map(len, rows)).most_common(1)[0]
    return count / len(rows) if width > 1 else 0.0


def _decimal(rows: list[list[str]]) -> str:
    """A comma, where more cells are numbers with one than with a point."""
    cells = [cell.strip() for row in rows for cell in row]
    commas = sum(_COMMA.fullmatch(cell) is not None for cell in cells)
    return "," if commas > sum(_POINT.fullmatch(cell) is not None for cell in cells) else "."


def _number(cell: str, decimal: str) -> bool:
    return cell.lower() not in MISSING and as_number(cell.replace(decimal, ".")) is not None


def _names(cells: list[str]) -> tuple[str, ...]:
    """The names of a first line; a column without one has that of its place."""
    names = [cell or f"column_{place}" for place, cell in enumerate(cells, 1)]
    check_names(names)
    return tuple(names)
