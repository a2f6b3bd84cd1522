"""How numbers are written in a CSV file: their decimal sign, what stands between thousands, and units beside them.

Contract: `unit_of` finds the unit that all cells of a column have; `numbers_in` makes float64 of a column of texts
where all of them are numbers, and nothing else where they are not, with pyarrow; `number_in` is for a single cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pellucid.encoding.cells import MISSING, as_number
from pellucid.typing import Floats

_SPACES = " \u00a0\u202f'’"  # an ordinary space, two that do not break lines, and apostrophes
_GROUPED = rf"[+-]?[1-9][0-9]{{0,2}}(?:[MARK{_SPACES}][0-9]{{3}})+"
"""The whole part of a number with its thousands marked, MARK by the sign that is not the decimal one."""

_UNIT = re.compile(
    rf"[+-]?(?P<front>[$€£¥₹])?\s*(?P<number>[+-]?\d[\d.,{_SPACES}]*?)\s?(?P<back>[^\d\s.,;:'’+-][^\d\s]{{0,7}})?"
)
_FIRST = 64  # cells by which most columns of texts are known
_LONG = 15  # digits of a whole number that a float64 holds in any case


def unit_of(cells: Iterable[str]) -> str:
    """The unit that stands before or behind the number in each of the cells, "$" or "km"; "" where there is none.

    >>> unit_of(["$1,200", "", "-$7.50"]), unit_of(["3 km", "12 km"]), unit_of(["3 km", "7"]), unit_of(["7", "8"])
    ('$', 'km', '', '')
    """
    found = ""
    for cell in cells:
        text = cell.strip()
        if text.lower() in MISSING:
            continue
        match = None if as_number(text) is not None else _UNIT.fullmatch(text)
        units = [part for part in match.group("front", "back") if part] if match else []
        if len(units) != 1 or (found and units[0] != found):
            return ""
        found = units[0]
    return found


def bare(cell: str) -> str:
    """A cell that is a number without its unit and the spaces in it; any other one without those around it.

    >>> bare("1 234,5 kg"), bare(" $7.50 "), bare("Main Street 5")
    ('1234,5', '7.50', 'Main Street 5')
    """
    match = _UNIT.fullmatch(cell.strip())
    return re.sub(f"[{_SPACES}]", "", match.group("number")) if match else cell.strip()


def number_in(cell: str, decimal: str) -> float | None:
    """The number that a cell is, written with this decimal sign; None if it is none.

    >>> number_in("1,5", ","), number_in("1.234,5", ","), number_in("1,234", "."), number_in("1_000", ".")
    (1.5, 1234.5, 1234.0, None)
    """
    found = as_number(cell)
    if found is not None and (decimal == "." or "." not in cell):
        return found
    mark = "." if decimal == "," else ","
    if re.fullmatch(rf"{_GROUPED.replace('MARK', mark)}(?:\{decimal}[0-9]*)?", cell):
        cell = re.sub(rf"[{mark}{_SPACES}]", "", cell)
    return as_number(cell.replace(",", ".") if decimal == "," and cell.count(",") == 1 else cell)


def numbers_in(column: Any, decimal: str, unit: str = "") -> Floats | None:
    """Texts and nulls of Arrow as float64 with NaN for null; None where one of them is no number, or is written as a
    code is.
    """
    import pyarrow.compute as compute

    if unit:
        column = compute.utf8_trim_whitespace(compute.replace_substring(column, unit, "", max_replacements=1))
        column = compute.replace_substring_regex(column, r"^([+-])\s+", r"\1")
    plain = with_points(column) if decimal == "," else column
    numbers = _cast(plain)
    return _cast(_ungrouped(plain, ",")) if numbers is None and decimal == "." else numbers


def with_points(column: Any) -> Any:
    """Numbers with a decimal comma, and points or spaces between thousands, as numbers with a decimal point."""
    import pyarrow.compute as compute

    whole = _ungrouped(column, ".")
    number = compute.match_substring_regex(whole, r"^[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?$")
    return compute.if_else(number, compute.replace_substring(whole, ",", "."), whole)


def _ungrouped(column: Any, mark: str) -> Any:
    """Numbers with marks between their thousands as numbers without."""
    import pyarrow.compute as compute

    other = "." if mark == "," else ","
    grouped = compute.match_substring_regex(column, rf"^{_GROUPED.replace('MARK', mark)}(?:\{other}[0-9]*)?$")
    return compute.if_else(grouped, compute.replace_substring_regex(column, rf"[{mark}{_SPACES}]", ""), column)


def _cast(column: Any) -> Floats | None:
    import pyarrow as pa
    import pyarrow.compute as compute

    try:
        compute.cast(column.slice(0, _FIRST), pa.float64())  # Arrow words an error for every cell that is no number
        numbers = compute.cast(column, pa.float64())
    except pa.ArrowInvalid:
        return None
    suspect = compute.greater(compute.binary_length(column), _LONG)
    for beginning in ("0", "+0", "-0"):
        suspect = compute.or_(suspect, compute.starts_with(column, beginning))
    codes = compute.match_substring_regex(column.filter(suspect), r"^[+-]?(0[0-9]+$|[0-9]{16,}$)")
    return None if compute.any(codes).as_py() else numbers.to_numpy(zero_copy_only=False)
